"""What the index should hold, as the registry has it; and asking for what it lacks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, exists, func, select

from corpus.registry.locks import lock_document
from corpus.registry.new_versions import queue_again
from corpus.registry.schema import documents, jobs, versions


@dataclass(frozen=True, slots=True)
class Expected:
    """The live version (None until one is complete) and its number of nodes.

    `newest` is the last version uploaded. With `has_job` a worker is about to change all of them.
    """

    version: int | None
    count: int
    newest: int
    has_job: bool


def expected_nodes(
    connection: Connection, document_id: str | None = None
) -> Mapping[str, Expected]:
    """By id, of all documents that are not deleted, or of one."""
    pending = exists().where(jobs.c.document_id == documents.c.id)
    query = (
        select(
            documents.c.id,
            documents.c.live_version,
            func.coalesce(versions.c.chunks, 0),
            documents.c.version,
            pending,
        )
        .outerjoin(
            versions,
            (versions.c.document_id == documents.c.id)
            & (versions.c.version == documents.c.live_version),
        )
        .where(documents.c.deleted_at.is_(None))
    )
    if document_id is not None:
        query = query.where(documents.c.id == document_id)
    return {
        found: Expected(version, count, newest, bool(has_job))
        for found, version, count, newest, has_job in connection.execute(query)
    }


def live_versions(connection: Connection, among: Collection[str] | None = None) -> dict[str, int]:
    """The version that answers, by id, of all documents that have one, or of some.

    Of any revision's tables.
    """
    query = select(documents.c.id, documents.c.live_version).where(
        documents.c.deleted_at.is_(None), documents.c.live_version.is_not(None)
    )
    if among is not None:
        query = query.where(documents.c.id.in_(list(among)))
    return {row.id: row.live_version for row in connection.execute(query)}


def document_ids(connection: Connection) -> set[str]:
    """Of all documents, also those that are being deleted."""
    return set(connection.execute(select(documents.c.id)).scalars())


def ingest_again(connection: Connection, document_id: str, version: int) -> bool:
    """Queue the live version once more; False when it is not the live one any longer."""
    lock_document(connection, document_id)
    live = connection.execute(
        select(documents.c.id).where(
            documents.c.id == document_id,
            documents.c.deleted_at.is_(None),
            documents.c.live_version == version,
            ~exists().where(jobs.c.document_id == document_id, jobs.c.version == version),
        )
    ).first()
    if live is None:
        return False
    queue_again(connection, document_id, version, datetime.now(UTC))
    return True
