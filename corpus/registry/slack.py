"""What is remembered of Slack: events that were taken, and which conversation a thread is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from corpus.registry.locks import lock_slack
from corpus.registry.schema import slack_events, slack_threads

# Slack sends an event again for an hour at most.
REMEMBERED = timedelta(days=1)
OLD_THREAD = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class SlackThread:
    """A thread, by the timestamp of the message that it hangs on."""

    team_id: str
    channel_id: str
    thread_ts: str


def take_event(connection: Connection, event_id: str) -> bool:
    """Whether nobody, here or in another replica, took this event before; now it is taken."""
    lock_slack(connection, event_id)
    known = select(slack_events.c.id).where(slack_events.c.id == event_id)
    if connection.execute(known).first() is not None:
        return False
    connection.execute(insert(slack_events).values(id=event_id, seen_at=datetime.now(UTC)))
    return True


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


def _is(thread: SlackThread) -> tuple[ColumnElement[bool], ...]:
    return (
        slack_threads.c.team_id == thread.team_id,
        slack_threads.c.channel_id == thread.channel_id,
        slack_threads.c.thread_ts == thread.thread_ts,
    )
