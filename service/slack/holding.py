"""Messages that were taken stay in hand until they are answered, whatever becomes of us.

Whoever is gone without a word says nothing again of what it had in hand, and another process, or
the next one, tells the threads.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from corpus.errors import LecternError
from corpus.registry.database.engine import Registry
from corpus.registry.slack import (
    Abandoned,
    claim_abandoned,
    end_event,
    has_abandoned,
    renew_events,
)

log = logging.getLogger("lectern.slack")

EVERY_S = 15.0  # a quarter of the lease


class Holding:
    """What this process has in hand; `keep` it for as long as the service runs."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._in_hand: set[str] = set()
        self._ended: set[str] = set()  # and the registry does not know yet

    def add(self, key: str) -> None:
        """A message is being answered here."""
        self._in_hand.add(key)

    async def end(self, key: str) -> None:
        """Its thread was told what there is to say."""
        self._in_hand.discard(key)
        self._ended.add(key)
        try:
            await asyncio.to_thread(self._write_ends)
        except LecternError as error:
            log.info("that a message was answered is noted later: %s", error.detail)

    def leave(self, key: str) -> None:
        """Its thread could not be told: it is tried again when the lease has ended."""
        self._in_hand.discard(key)

    async def keep(self, tell: Callable[[Abandoned], Awaitable[bool]]) -> None:
        """Say again and again what is in hand, and `tell` threads that others left behind."""
        while True:
            try:
                for one in await asyncio.to_thread(self._look):
                    if await tell(one):
                        await self.end(one.event_id)
            except LecternError as error:
                log.info("what is in hand could not be noted: %s", error.detail)
            except Exception:
                log.exception("messages that others left behind were not looked for")
            await asyncio.sleep(EVERY_S)

    def _look(self) -> list[Abandoned]:
        self._write_ends()
        in_hand = set(self._in_hand)
        with self._registry.read() as connection:
            if not in_hand and not has_abandoned(connection):
                return []
        with self._registry.write() as connection:
            renew_events(connection, in_hand)
            return claim_abandoned(connection, in_hand)

    def _write_ends(self) -> None:
        ended = set(self._ended)
        if not ended:
            return
        with self._registry.write() as connection:
            for key in sorted(ended):
                end_event(connection, key)
        self._ended -= ended
