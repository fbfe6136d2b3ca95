"""How the queue is, in figures, for whoever operates it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, func, select

from corpus.registry.schema import documents, jobs, versions
from corpus.registry.workers import count_alive
from corpus.values import Status

# A living worker lengthens its lease long before it ends.
OVERDUE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class QueueHealth:
    """`stuck` jobs are running under leases that ended; `failed` counts newest versions."""

    documents: int
    waiting: int
    longest_wait: timedelta
    stuck: int
    failed: int
    workers: int


def queue_health(connection: Connection, *, now: datetime) -> QueueHealth:
    """As of `now`."""
    first = connection.execute(
        select(func.min(jobs.c.created_at)).where(jobs.c.state == "queued")
    ).scalar_one()
    newest = and_(
        versions.c.document_id == documents.c.id, versions.c.version == documents.c.version
    )
    there = documents.c.deleted_at.is_(None)
    failed = (
        select(func.count())
        .select_from(documents.join(versions, newest))
        .where(there, versions.c.status == Status.FAILED)
    )
    return QueueHealth(
        documents=connection.execute(
            select(func.count()).select_from(documents).where(there)
        ).scalar_one(),
        waiting=_jobs(connection, jobs.c.state == "queued"),
        longest_wait=timedelta() if first is None else max(timedelta(), now - first),
        stuck=_jobs(connection, jobs.c.state == "running", jobs.c.lease_until < now - OVERDUE),
        failed=connection.execute(failed).scalar_one(),
        workers=count_alive(connection),
    )


def _jobs(connection: Connection, *which: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(jobs).where(*which)).scalar_one()
