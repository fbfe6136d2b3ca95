from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from corpus.registry.database.engine import Registry
from corpus.registry.schema import slack_events
from corpus.registry.slack import (
    AWAITED,
    REMEMBERED,
    Abandoned,
    SlackThread,
    claim_abandoned,
    conversation_of,
    end_event,
    forget_slack,
    has_abandoned,
    remember_conversation,
    renew_events,
    take_event,
    take_part,
    takes_part,
)

THREAD = SlackThread("T1", "C1", "1600000000.000001")


def take(registry: Registry, event_id: str) -> bool:
    with registry.write() as connection:
        return take_event(connection, event_id)


def test_an_event_is_taken_once(registry: Registry) -> None:
    assert take(registry, "T1/C1/1.1")
    assert not take(registry, "T1/C1/1.1")
    assert take(registry, "T1/C1/1.2")


def test_of_many_at_once_one_takes_it(registry: Registry) -> None:
    together = threading.Barrier(8)
    took: list[bool] = []

    def run() -> None:
        together.wait()
        took.append(take(registry, "T1/C1/2.1"))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(took) == [False] * 7 + [True]


def test_what_slack_does_not_send_again_is_forgotten(registry: Registry) -> None:
    take(registry, "old")
    with registry.write() as connection:
        long_ago = datetime.now(UTC) - REMEMBERED - timedelta(seconds=1)
        connection.execute(update(slack_events).values(seen_at=long_ago))
    take(registry, "new")
    with registry.write() as connection:
        forget_slack(connection)
    with registry.read() as connection:
        assert list(connection.execute(select(slack_events.c.id)).scalars()) == ["new"]


def test_what_a_process_leaves_behind_is_claimed_by_one(registry: Registry) -> None:
    with registry.write() as connection:
        for name in ("left", "ours", "ended", "older"):
            assert take_event(connection, name, THREAD)
        assert take_event(connection, "without a thread")
        assert claim_abandoned(connection, ()) == []
        end_event(connection, "ended")
        leased = slack_events.c.lease_until.is_not(None)
        long_ago = datetime.now(UTC) - timedelta(seconds=1)
        connection.execute(update(slack_events).where(leased).values(lease_until=long_ago))
        older = datetime.now(UTC) - AWAITED
        connection.execute(
            update(slack_events).where(slack_events.c.id == "older").values(seen_at=older)
        )
        renew_events(connection, ["ours", "ended"])
    together = threading.Barrier(4)
    claimed: list[Abandoned] = []

    def run() -> None:
        together.wait()
        with registry.write() as connection:
            claimed.extend(claim_abandoned(connection, ()))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert claimed == [Abandoned("left", THREAD.channel_id, THREAD.thread_ts)]
    with registry.read() as connection:
        assert not has_abandoned(connection)


def test_a_thread_is_the_conversation_it_was_last_said_to_be(registry: Registry) -> None:
    with registry.read() as connection:
        assert not takes_part(connection, THREAD)
    for _ in range(2):
        with registry.write() as connection:
            take_part(connection, THREAD)
    with registry.read() as connection:
        assert takes_part(connection, THREAD)
        assert conversation_of(connection, THREAD) is None
    for conversation_id in ("c1", "c2"):
        with registry.write() as connection:
            remember_conversation(connection, THREAD, conversation_id)
    with registry.read() as connection:
        assert conversation_of(connection, THREAD) == "c2"
        assert conversation_of(connection, SlackThread("T1", "C1", "other")) is None
