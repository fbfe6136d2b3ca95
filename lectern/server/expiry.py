"""Giving up what is kept long enough: each kind for itself, and a batch at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import wraps
from typing import Any, TypeAlias

from sqlalchemy import Connection

from corpus.registry.audit_log import expire_entries
from corpus.registry.conversations import drop_empty_conversations, expire_conversations
from corpus.registry.keys import expire_usage
from corpus.registry.slack import forget_slack
from corpus.registry.turns import expire_answers, expire_traces, remove_answers_from_nowhere
from corpus.settings import Settings
from service.parts import ServiceParts

# A conversation without an answer: the first question failed, or is being answered.
EMPTY = timedelta(days=1)
# Between two batches. On SQLite, who waits to write looks ten times a second whether it may: while
# 20,000 conversations went, one waited for 1.4 s, and with the pause for 0.2.
PAUSE_S = 0.1

Step: TypeAlias = Callable[[ServiceParts], None]
# Deletes a batch of what is as old; how many: 0 when none is left.
ExpireSome: TypeAlias = Callable[[Connection, timedelta], int]


def expiring(settings: Settings, stop: threading.Event) -> list[Step]:
    """One step for each kind, which none of the others needs; they end soon once `stop` is set."""
    return [
        *(_at_once(one) for one in (remove_answers_from_nowhere, forget_slack, expire_usage)),
        *(_in_batches(some, kept_for, stop) for some, kept_for in _kept(settings)),
    ]


def _kept(settings: Settings) -> Iterator[tuple[ExpireSome, timedelta]]:
    if settings.keep_conversations_days:
        yield expire_conversations, timedelta(days=settings.keep_conversations_days)
    yield drop_empty_conversations, EMPTY
    # An answer outside of a conversation is kept for its trace.
    traces = timedelta(days=settings.keep_traces_days)
    yield expire_answers, traces
    yield expire_traces, traces
    yield expire_entries, timedelta(days=settings.keep_audit_days)


def _at_once(remove: Callable[[Connection], Any]) -> Step:
    @wraps(remove)
    def step(parts: ServiceParts) -> None:
        with parts.registry.write() as connection:
            remove(connection)

    return step


def _in_batches(expire_some: ExpireSome, kept_for: timedelta, stop: threading.Event) -> Step:
    @wraps(expire_some)
    def step(parts: ServiceParts) -> None:
        some = 1
        while some and not stop.is_set():
            with parts.registry.write() as connection:
                some = expire_some(connection, kept_for)
            if some:
                stop.wait(PAUSE_S)

    return step
