"""Versions whose nodes somebody has to look after once their job has ended.

A job ends in a transaction, and the index is no part of it: whoever ends it may die before what is
not wanted any more is removed, and a worker may write on for a moment after its job was taken from
it. So the same transaction notes the version here. The worker strikes it when it has cleaned up;
the reconciler looks after what stays (corpus/sweeping.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import Connection, delete, insert, select

from corpus.registry.schema import documents, sweeps

# A worker notices with its next batch, or when its lease ends, that its job is gone.
DUE_AFTER_S = 120.0


def note_sweeps(connection: Connection, ended: Iterable[tuple[str, int]]) -> None:
    """These (document id, version) have no job any more."""
    due_at = datetime.now(UTC) + timedelta(seconds=DUE_AFTER_S)
    rows = [
        {"id": str(uuid4()), "document_id": document_id, "version": version, "due_at": due_at}
        for document_id, version in ended
    ]
    if rows:
        connection.execute(insert(sweeps), rows)


def strike_sweep(connection: Connection, document_id: str, version: int) -> None:
    """Nothing of the version is left that nobody wants."""
    connection.execute(
        delete(sweeps).where(sweeps.c.document_id == document_id, sweeps.c.version == version)
    )


def due_sweeps(connection: Connection, *, limit: int) -> list[tuple[str, int]]:
    """(document id, version), each once, that nobody struck in time; the oldest `limit` ones."""
    rows = connection.execute(
        select(sweeps.c.document_id, sweeps.c.version)
        .where(sweeps.c.due_at <= datetime.now(UTC))
        .order_by(sweeps.c.due_at)
        .limit(limit)
    )
    return list(dict.fromkeys((row.document_id, row.version) for row in rows))


def live_version(connection: Connection, document_id: str) -> int | None:
    """The version that answers; None without one, and for a document that is deleted."""
    return connection.execute(
        select(documents.c.live_version).where(
            documents.c.id == document_id, documents.c.deleted_at.is_(None)
        )
    ).scalar_one_or_none()
