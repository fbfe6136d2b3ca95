"""What the registry knows of indexes beside the one that answers."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import update

from corpus.registry.database.engine import Registry
from corpus.registry.indexes import (
    AT_WORK,
    KEPT,
    IndexState,
    begin_index,
    forget_index,
    give_up,
    known_indexes,
    note_switch,
    see_index,
)
from corpus.registry.schema import indexes


def test_an_index_is_known_from_its_beginning_until_nothing_is_left(registry: Registry) -> None:
    with registry.write() as connection:
        begin_index(connection, "new", {"model": "n"})
        [built] = known_indexes(connection)
        assert (built.name, built.state, built.fingerprint) == ("new", "building", {"model": "n"})
        assert built.is_at_work
        begin_index(connection, "new", {"model": "n"})  # the same command again
        assert see_index(connection, "new", IndexState.BUILT)
        note_switch(connection, "new", "old", {"model": "o"})
        assert [(one.name, one.state) for one in known_indexes(connection)] == [
            ("new", IndexState.CURRENT),
            ("old", IndexState.LEFT),
        ]
        forget_index(connection, "old")
        assert [one.name for one in known_indexes(connection)] == ["new"]
        assert not see_index(connection, "old", IndexState.BUILDING)


def test_one_that_somebody_goes_on_with_is_not_given_up(registry: Registry) -> None:
    with registry.write() as connection:
        begin_index(connection, "new", {"model": "n"})
        [looked_at] = known_indexes(connection)
        assert see_index(connection, "new")
        assert not give_up(connection, looked_at)
        note_switch(connection, "new", "old", {"model": "o"})
        assert not give_up(connection, looked_at)
        [current, _] = known_indexes(connection)
        assert current.state is IndexState.CURRENT
    with registry.write() as connection:
        [_, left] = known_indexes(connection)
        assert give_up(connection, left)
        assert not begin_index(connection, "old", {"model": "o"})
        assert not see_index(connection, "old")


def test_what_nobody_finishes_is_given_up(registry: Registry) -> None:
    with registry.write() as connection:
        begin_index(connection, "new", {"model": "n"})
        for silence, state, is_at_work, is_expired in (
            (AT_WORK, IndexState.BUILDING, False, False),
            (KEPT, IndexState.BUILDING, False, True),
            (KEPT, IndexState.BUILT, False, True),
            (KEPT, IndexState.LEFT, False, True),
            (KEPT, IndexState.CURRENT, False, False),
        ):
            connection.execute(
                update(indexes).values(seen_at=datetime.now(UTC) - silence, state=state.value)
            )
            [one] = known_indexes(connection)
            assert (one.is_at_work, one.is_expired) == (is_at_work, is_expired)
