"""What is remembered of Slack: events that were taken, and which conversation a thread is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Select, delete, insert, select, update

from corpus.registry.locks import lock_slack
from corpus.registry.schema import slack_events, slack_threads

# Slack sends an event again for an hour at most.
REMEMBERED = timedelta(days=1)
OLD_THREAD = timedelta(days=180)
# Whoever answers a message says so again far more often.
LEASE = timedelta(seconds=60)
# Later, nobody waits for the answer to a message any more. A file is followed for an hour, and what
# was asked with it is answered then.
AWAITED = timedelta(hours=3)
_BATCH = 10  # so few are told well within a lease; the rest comes the next time


@dataclass(frozen=True, slots=True)
class SlackThread:
    """A thread, by the timestamp of the message that it hangs on."""

    team_id: str
    channel_id: str
    thread_ts: str


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A message that was taken, and whose process is gone before it was answered."""

    event_id: str
    channel_id: str
    thread_ts: str


def take_event(connection: Connection, event_id: str, thread: SlackThread | None = None) -> bool:
    """Whether nobody, here or in another replica, took this event before; now it is taken.

    With a thread it is leased for `LEASE`: `renew_events` until `end_event`.
    """
    lock_slack(connection, event_id)
    known = select(slack_events.c.id).where(slack_events.c.id == event_id)
    if connection.execute(known).first() is not None:
        return False
    now = datetime.now(UTC)
    values: dict[str, object] = {"id": event_id, "seen_at": now}
    if thread is not None:
        where = {"channel_id": thread.channel_id, "thread_ts": thread.thread_ts}
        values |= {**where, "lease_until": now + LEASE}
    connection.execute(insert(slack_events).values(values))
    return True


def renew_events(connection: Connection, event_ids: Collection[str]) -> None:
    """They are still being answered."""
    connection.execute(
        update(slack_events)
        .where(slack_events.c.id.in_(list(event_ids)), slack_events.c.lease_until.is_not(None))
        .values(lease_until=datetime.now(UTC) + LEASE)
    )


def end_event(connection: Connection, event_id: str) -> None:
    """Its thread was told an answer, or why there is none."""
    connection.execute(
        update(slack_events).where(slack_events.c.id == event_id).values(lease_until=None)
    )


def awaited_in(connection: Connection, channel_id: str, thread_ts: str) -> set[str]:
    """What was asked in a thread and is not ended, whoever answers it."""
    awaited = select(slack_events.c.id).where(
        slack_events.c.channel_id == channel_id,
        slack_events.c.thread_ts == thread_ts,
        slack_events.c.lease_until.is_not(None),
    )
    return set(connection.execute(awaited).scalars())


def ended_of(connection: Connection, event_ids: Collection[str]) -> set[str]:
    """Those of them that were ended."""
    ended = select(slack_events.c.id).where(
        slack_events.c.id.in_(list(event_ids)), slack_events.c.lease_until.is_(None)
    )
    return set(connection.execute(ended).scalars())


def has_abandoned(connection: Connection) -> bool:
    """Whether there is something to claim."""
    return connection.execute(_abandoned().limit(1)).first() is not None


def claim_abandoned(connection: Connection, besides: Collection[str]) -> list[Abandoned]:
    """Lease a few that others left behind, but not these; each goes to one of several that ask."""
    claimed = []
    now = datetime.now(UTC)
    left = _abandoned().where(slack_events.c.id.not_in(list(besides)))
    for row in connection.execute(left.limit(_BATCH)).all():
        changed = connection.execute(
            update(slack_events)
            .where(slack_events.c.id == row.id, slack_events.c.lease_until == row.lease_until)
            .values(lease_until=now + LEASE)
        )
        if changed.rowcount == 1:
            claimed.append(Abandoned(row.id, row.channel_id, row.thread_ts))
    return claimed


def takes_part(connection: Connection, thread: SlackThread) -> bool:
    """Whether the bot was asked something there before."""
    return (
        connection.execute(select(slack_threads.c.thread_ts).where(*_is(thread))).first()
        is not None
    )


def take_part(connection: Connection, thread: SlackThread) -> None:
    """From now on the bot takes part in the thread."""
    lock_slack(connection, f"{thread.team_id}/{thread.channel_id}/{thread.thread_ts}")
    if not takes_part(connection, thread):
        connection.execute(
            insert(slack_threads).values(
                team_id=thread.team_id,
                channel_id=thread.channel_id,
                thread_ts=thread.thread_ts,
                created_at=datetime.now(UTC),
            )
        )


def conversation_of(connection: Connection, thread: SlackThread) -> str | None:
    """The conversation that the thread is; None where none was begun."""
    return connection.execute(
        select(slack_threads.c.conversation_id).where(*_is(thread))
    ).scalar_one_or_none()


def remember_conversation(
    connection: Connection, thread: SlackThread, conversation_id: str
) -> None:
    """The thread, which the bot takes part in, is this conversation from now on."""
    connection.execute(
        update(slack_threads).where(*_is(thread)).values(conversation_id=conversation_id)
    )


def forget_slack(connection: Connection) -> None:
    """Remove events that are not sent again, and threads that nobody goes on with."""
    now = datetime.now(UTC)
    connection.execute(delete(slack_events).where(slack_events.c.seen_at < now - REMEMBERED))
    connection.execute(delete(slack_threads).where(slack_threads.c.created_at < now - OLD_THREAD))


def _abandoned() -> Select[tuple[str, str, str, datetime]]:
    now = datetime.now(UTC)
    return (
        select(
            slack_events.c.id,
            slack_events.c.channel_id,
            slack_events.c.thread_ts,
            slack_events.c.lease_until,
        )
        .where(slack_events.c.lease_until < now, slack_events.c.seen_at > now - AWAITED)
        .order_by(slack_events.c.seen_at)
    )


def _is(thread: SlackThread) -> tuple[ColumnElement[bool], ...]:
    return (
        slack_threads.c.team_id == thread.team_id,
        slack_threads.c.channel_id == thread.channel_id,
        slack_threads.c.thread_ts == thread.thread_ts,
    )
