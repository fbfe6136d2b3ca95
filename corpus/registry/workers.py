"""Which workers are alive: each says so every few seconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Exists, delete, exists, func, insert, select, update

from corpus.registry.schema import workers

BEAT_S = 5.0
SILENT_AFTER_S = 20.0  # three missed beats, and a little
FORGOTTEN_AFTER_S = 24 * 3600.0


def beat(connection: Connection, name: str) -> None:
    """The worker of this name is alive now."""
    now = datetime.now(UTC)
    seen = connection.execute(update(workers).where(workers.c.name == name).values(seen_at=now))
    if seen.rowcount == 0:
        connection.execute(insert(workers).values(name=name, started_at=now, seen_at=now))
        _forget_older_than(connection, now - timedelta(seconds=FORGOTTEN_AFTER_S))


def leave(connection: Connection, name: str) -> None:
    """The worker ended in order."""
    connection.execute(delete(workers).where(workers.c.name == name))


def count_alive(connection: Connection) -> int:
    """How many workers were heard of lately."""
    return connection.execute(
        select(func.count()).select_from(workers).where(workers.c.seen_at > _silence_began())
    ).scalar_one()


def any_alive() -> Exists:
    """The same as a condition: whether there is one."""
    return exists(select(workers.c.name).where(workers.c.seen_at > _silence_began()))


def _silence_began() -> datetime:
    return datetime.now(UTC) - timedelta(seconds=SILENT_AFTER_S)


def _forget_older_than(connection: Connection, then: datetime) -> None:
    connection.execute(delete(workers).where(workers.c.seen_at < then))
