"""A message is taken before it is acknowledged: once, over events, replicas and restarts."""

from __future__ import annotations

from corpus.registry.database.engine import Registry
from corpus.registry.slack import take_event, take_part, takes_part
from service.slack.asked import Asked


def take(registry: Registry, asked: Asked) -> bool:
    """Whether the message is for this bot, and for this replica of it. Raises `StorageUnavailable`.

    From then on Slack need not send it again, and the bot takes part in its thread.
    """
    thread = asked.thread
    # By the message, not the event: a mention in a thread comes as two events.
    named = f"{thread.team_id}/{thread.channel_id}/{asked.ts}"
    with registry.write() as connection:
        if not asked.is_direct and not takes_part(connection, thread):
            return False
        if not take_event(connection, named):
            return False
        take_part(connection, thread)
        return True
