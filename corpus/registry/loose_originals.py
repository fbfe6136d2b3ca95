"""Originals that may be kept without a version that refers to them.

Bytes are sent to a bucket before the transaction that registers them, and go after the one that
retires their versions: who dies in between leaves them. So they are noted here first, and struck
once that is settled. What a store has and nobody noted may be of a registry that was put back to
an earlier time, or copied, since: that is no reason to remove it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import Connection, delete, insert, select

from corpus.registry.database.engine import Registry
from corpus.registry.schema import loose_originals


def note_loose(connection: Connection, contents: Collection[str]) -> None:
    """These originals, by their sha256, may be kept from now on without being needed."""
    now = datetime.now(UTC)
    rows = [
        {"id": str(uuid4()), "content_sha256": content_sha256, "noted_at": now}
        for content_sha256 in contents
    ]
    if rows:
        connection.execute(insert(loose_originals), rows)


def noting(registry: Registry, content_sha256: str) -> Callable[[], None]:
    """`note_loose` of one original, in a transaction of its own."""

    def note() -> None:
        with registry.write() as connection:
            note_loose(connection, [content_sha256])

    return note


def strike_loose(connection: Connection, contents: Collection[str]) -> None:
    """These are referred to, or gone."""
    if contents:
        of_them = loose_originals.c.content_sha256.in_(contents)
        connection.execute(delete(loose_originals).where(of_them))


def loose(connection: Connection, *, for_s: float, limit: int) -> list[str]:
    """The sha256 of originals noted `for_s` seconds ago or more, each once; the oldest `limit`."""
    then = datetime.now(UTC) - timedelta(seconds=for_s)
    rows = connection.execute(
        select(loose_originals.c.content_sha256)
        .where(loose_originals.c.noted_at <= then)
        .order_by(loose_originals.c.noted_at)
        .limit(limit)
    )
    return list(dict.fromkeys(rows.scalars()))
