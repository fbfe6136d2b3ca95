"""What is remembered of Slack: events that were taken, and which conversation a thread is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from corpus.registry.locks import lock_slack
from corpus.registry.schema import slack_events, slack_threads

# Slack sends an event again for an hour at most.
REMEMBERED = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SlackThread:
    """A thread, by the timestamp of the message that it hangs on."""

    team_id: str
    channel_id: str
    thread_ts: str


def take_event(connection: Connection, event_id: str) -> bool:
    """Whether nobody, here or in another replica, took this event before; now it is taken."""
    lock_slack(connection, event_id)
    now = datetime.now(UTC)
    known = select(slack_events.c.id).where(slack_events.c.id == event_id)
    if connection.execute(known).first() is not None:
        return False
    connection.execute(delete(slack_events).where(slack_events.c.seen_at < now - REMEMBERED))
    connection.execute(insert(slack_events).values(id=event_id, seen_at=now))
    return True


def conversation_of(connection: Connection, thread: SlackThread) -> str | None:
    """The conversation that the thread is; None for one that this bot takes no part in."""
    return connection.execute(
        select(slack_threads.c.conversation_id).where(*_is(thread))
    ).scalar_one_or_none()


def remember_conversation(
    connection: Connection, thread: SlackThread, conversation_id: str
) -> None:
    """From now on the thread is this conversation."""
    connection.execute(delete(slack_threads).where(*_is(thread)))
    connection.execute(
        insert(slack_threads).values(
            team_id=thread.team_id,
            channel_id=thread.channel_id,
            thread_ts=thread.thread_ts,
            conversation_id=conversation_id,
            created_at=datetime.now(UTC),
        )
    )


def _is(thread: SlackThread) -> tuple[ColumnElement[bool], ...]:
    return (
        slack_threads.c.team_id == thread.team_id,
        slack_threads.c.channel_id == thread.channel_id,
        slack_threads.c.thread_ts == thread.thread_ts,
    )
