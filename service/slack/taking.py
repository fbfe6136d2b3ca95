"""A message is taken before it is acknowledged: once, over events, replicas and restarts."""

from __future__ import annotations

from dataclasses import replace

from corpus.registry.database.engine import Registry
from corpus.registry.slack import take_event, take_part, takes_part
from service.slack.asked import Asked


def take_once(registry: Registry, event_id: str) -> bool:
    """Whether an event is new; from then on it is not. Blocks; raises `StorageUnavailable`."""
    with registry.write() as connection:
        return take_event(connection, event_id)


def take(registry: Registry, asked: Asked) -> Asked | None:
    """What of the message is for this bot, and for this replica of it. Raises `StorageUnavailable`.

    From then on Slack need not send it again, and the bot takes part in its thread, unless it may
    not answer there. A message that was taken without its files, because one of its events has
    none, is taken again for these.
    """
    thread = asked.thread
    if not asked.is_direct:  # most of what is written in channels: nothing is locked for it
        with registry.read() as connection:
            if not takes_part(connection, thread):
                return None
    late = replace(asked, has_late_files=True)
    with registry.write() as connection:
        is_new = take_event(connection, asked.key, thread)
        # Whoever answers a new message reads its files: they need no lease of their own.
        are_new = asked.files and take_event(connection, late.key, None if is_new else thread)
        if not (is_new or are_new):
            return None
        if not asked.is_shared:
            take_part(connection, thread)
    return asked if is_new else late
