"""The indexes that a reindex began, switched to or left behind, by the name of their fingerprint.

Each may hold text of our documents, so it is known here before the first node is written, until
nothing of ours is left in it: what is deleted meanwhile is deleted there too, and one that nobody
finishes is given up. Registries that were never reindexed know of none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from corpus.registry.schema import indexes

# As long as a weekend: who built one has time to switch to it, or to go on.
KEPT = timedelta(days=3)
# A build says more often that somebody is at it.
AT_WORK = timedelta(minutes=10)


class IndexState(StrEnum):
    """What an index is to the registry."""

    BUILDING = "building"
    BUILT = "built"  # what changes meanwhile is added at the switch
    CURRENT = "current"
    LEFT = "left"  # by a switch
    GIVEN_UP = "given up"  # being cleared away


@dataclass(frozen=True, slots=True)
class KnownIndex:
    """`seen_at` is when its state changed, or when a build was last at work."""

    name: str
    fingerprint: Mapping[str, Any]
    state: IndexState
    began_at: datetime
    seen_at: datetime

    @property
    def is_expired(self) -> bool:
        """Whether it is to be cleared away."""
        is_old = datetime.now(UTC) > self.seen_at + KEPT
        return self.state is IndexState.GIVEN_UP or (
            is_old and self.state is not IndexState.CURRENT
        )

    @property
    def is_at_work(self) -> bool:
        """Whether a process seems to be building it."""
        return self.state is IndexState.BUILDING and datetime.now(UTC) < self.seen_at + AT_WORK


def known_indexes(connection: Connection) -> Sequence[KnownIndex]:
    """All of them, by name."""
    rows = connection.execute(select(indexes).order_by(indexes.c.name))
    return [
        KnownIndex(row.name, row.fingerprint, IndexState(row.state), row.began_at, row.seen_at)
        for row in rows
    ]


def begin_index(connection: Connection, name: str, fingerprint: Mapping[str, Any]) -> bool:
    """It is being built, or once more; False while it is being cleared away.

    Commit this before anything is written to it.
    """
    known = {one.name: one.state for one in known_indexes(connection)}
    if name not in known:
        _add(connection, name, fingerprint, IndexState.BUILDING)
        return True
    state = known[name] if known[name] is IndexState.BUILT else IndexState.BUILDING
    return see_index(connection, name, state)


def see_index(connection: Connection, name: str, state: IndexState | None = None) -> bool:
    """It is so now, or as before; False where it is not known (any more), or given up."""
    values = {} if state is None else {"state": state.value}
    seen = connection.execute(
        update(indexes)
        .where(indexes.c.name == name, indexes.c.state != IndexState.GIVEN_UP.value)
        .values(seen_at=datetime.now(UTC), **values)
    )
    return bool(seen.rowcount)


def rest_index(connection: Connection, name: str) -> None:
    """Nobody builds it any more, for now."""
    connection.execute(
        update(indexes)
        .where(indexes.c.name == name, indexes.c.state == IndexState.BUILDING.value)
        .values(seen_at=datetime.now(UTC) - AT_WORK)
    )


def note_switch(
    connection: Connection, new: str, old: str, old_fingerprint: Mapping[str, Any]
) -> None:
    """The index `new`, which is known and not given up, answers from now on, in place of `old`."""
    see_index(connection, new, IndexState.CURRENT)
    if not see_index(connection, old, IndexState.LEFT):
        _add(connection, old, old_fingerprint, IndexState.LEFT)


def give_up(connection: Connection, index: KnownIndex) -> bool:
    """From now on nobody goes on with it; False where somebody did since `index` was read."""
    given_up = connection.execute(
        update(indexes)
        .where(
            indexes.c.name == index.name,
            indexes.c.state == index.state.value,
            indexes.c.seen_at == index.seen_at,
        )
        .values(state=IndexState.GIVEN_UP.value)
    )
    return bool(given_up.rowcount)


def forget_index(connection: Connection, name: str) -> None:
    """Nothing of ours is left in it."""
    connection.execute(delete(indexes).where(indexes.c.name == name))


def _add(
    connection: Connection, name: str, fingerprint: Mapping[str, Any], state: IndexState
) -> None:
    now = datetime.now(UTC)
    connection.execute(
        insert(indexes).values(
            name=name,
            fingerprint=dict(fingerprint),
            state=state.value,
            began_at=now,
            seen_at=now,
        )
    )
