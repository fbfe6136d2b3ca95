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
    if not asked.is_direct:  # most of what is written in channels: nothing is locked for it
        with registry.read() as connection:
            if not takes_part(connection, thread):
                return False
    with registry.write() as connection:
        if not take_event(connection, asked.key, thread):
            return False
        take_part(connection, thread)
        return True
