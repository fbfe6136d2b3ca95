"""Rows that lost what they belong to: finding them, and putting them right."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, delete, exists, select

from corpus.registry.new_versions import queue_again
from corpus.registry.schema import documents, jobs, versions
from corpus.values import FINAL_STATUSES


def queue_stranded(connection: Connection) -> list[str]:
    """Queue documents again whose newest version is unfinished and has no job; their ids."""
    has_job = exists().where(
        jobs.c.document_id == versions.c.document_id, jobs.c.version == versions.c.version
    )
    stranded = connection.execute(
        select(versions.c.document_id, versions.c.version)
        .join(
            documents,
            (documents.c.id == versions.c.document_id)
            & (documents.c.version == versions.c.version),
        )
        .where(
            documents.c.deleted_at.is_(None),
            versions.c.status.not_in([*FINAL_STATUSES]),
            ~has_job,
        )
        .order_by(documents.c.id)
        .with_for_update(of=documents)
    ).all()
    for document_id, version in stranded:
        queue_again(connection, document_id, version, datetime.now(UTC))
    return [document_id for document_id, _ in stranded]


def drop_jobs_of_nothing(connection: Connection) -> int:
    """Remove jobs whose version does not exist, and count them."""
    has_version = exists().where(
        versions.c.document_id == jobs.c.document_id, versions.c.version == jobs.c.version
    )
    return connection.execute(delete(jobs).where(~has_version)).rowcount


def referenced_contents(connection: Connection, *, after: str, limit: int) -> list[str]:
    """The sha256 of originals that versions refer to, each once, in order, beyond `after`."""
    query = (
        select(versions.c.content_sha256)
        .where(versions.c.content_sha256 > after)
        .distinct()
        .order_by(versions.c.content_sha256)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())
