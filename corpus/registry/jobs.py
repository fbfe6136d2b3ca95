"""The queue's rows: a job is there while something is to be done for its version, and no longer.

What became of a version, and why, is in the version's own row.
"""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from sqlalchemy import Connection, delete, func, insert, select, text

from corpus.registry.schema import jobs
from corpus.registry.sweeps import note_sweeps
from corpus.work import current_work

CHANNEL = "lectern_jobs"  # of Postgres' NOTIFY


def announce_work(connection: Connection) -> None:
    """Wake the workers that listen (wakeups.py), once this transaction is committed."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"NOTIFY {CHANNEL}"))


def enqueue(
    connection: Connection, document_id: str, version: int, now: datetime, *, is_bulk: bool = False
) -> None:
    """Queue the version from the beginning, whatever its job was before.

    `is_bulk`: part of an import, which lets what people upload singly go first. The job remembers
    which request it is done for.
    """
    drop_jobs(connection, document_id, version)
    work = current_work()
    connection.execute(
        insert(jobs).values(
            id=str(uuid4()),
            document_id=document_id,
            version=version,
            state="queued",
            is_bulk=is_bulk,
            run_after=now,
            created_at=now,
            request_id=work.request_id,
            traceparent=work.traceparent,
        )
    )
    announce_work(connection)


def drop_jobs(connection: Connection, document_id: str, version: int | None = None) -> None:
    """Remove a version's job, or all of the document's; a worker at it finds it lost.

    What it may have written is noted (sweeps.py).
    """
    which = jobs.c.document_id == document_id
    if version is not None:
        which &= jobs.c.version == version
    ended = connection.execute(select(jobs.c.document_id, jobs.c.version).where(which)).all()
    connection.execute(delete(jobs).where(which))
    note_sweeps(connection, [(row.document_id, row.version) for row in ended])


def count_waiting(connection: Connection) -> int:
    """How many versions wait for a worker."""
    waiting = select(func.count()).select_from(jobs).where(jobs.c.state == "queued")
    return connection.execute(waiting).scalar_one()


def queued_since(connection: Connection, document_id: str, version: int) -> datetime | None:
    """When the version's job was put into the queue last; None when it has none."""
    return connection.execute(
        select(jobs.c.run_after).where(jobs.c.document_id == document_id, jobs.c.version == version)
    ).scalar_one_or_none()
