"""What is in the registry, in figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, and_, func, select

from corpus.registry.schema import documents, jobs, versions
from corpus.registry.workers import count_alive
from corpus.values import Status

JOB_STATES = ("queued", "running")


@dataclass(frozen=True, slots=True)
class JobFigures:
    """How many jobs are in a state, and how many seconds ago the oldest was queued (0: no job)."""

    count: int = 0
    oldest_age_s: float = 0.0


@dataclass(frozen=True, slots=True)
class RegistryFigures:
    """Jobs by state, documents by the status of their newest version, workers heard of lately.

    Every state and every status is there. `live_nodes` is how many nodes the index should have at
    least: those of the versions that answer.
    """

    jobs: Mapping[str, JobFigures]
    documents: Mapping[str, int]
    live_nodes: int
    workers_alive: int


def count_everything(connection: Connection) -> RegistryFigures:
    """How it is now. Looks at every document: not for every request."""
    return RegistryFigures(
        _jobs(connection), _documents(connection), _live_nodes(connection), count_alive(connection)
    )


def _jobs(connection: Connection) -> dict[str, JobFigures]:
    now = datetime.now(UTC)
    rows = connection.execute(
        select(jobs.c.state, func.count(), func.min(jobs.c.created_at)).group_by(jobs.c.state)
    )
    found = {
        state: JobFigures(count, max(0.0, (now - oldest).total_seconds()))
        for state, count, oldest in rows
    }
    return {state: JobFigures() for state in JOB_STATES} | found


def _documents(connection: Connection) -> dict[str, int]:
    newest = and_(
        versions.c.document_id == documents.c.id, versions.c.version == documents.c.version
    )
    rows = connection.execute(
        select(versions.c.status, func.count())
        .select_from(documents.join(versions, newest))
        .where(documents.c.deleted_at.is_(None))
        .group_by(versions.c.status)
    )
    found = {str(status): count for status, count in rows}
    return {str(status.value): 0 for status in Status} | found


def _live_nodes(connection: Connection) -> int:
    live = and_(
        versions.c.document_id == documents.c.id, versions.c.version == documents.c.live_version
    )
    found = connection.execute(
        select(func.coalesce(func.sum(versions.c.chunks), 0))
        .select_from(documents.join(versions, live))
        .where(documents.c.deleted_at.is_(None))
    )
    return int(found.scalar_one())
