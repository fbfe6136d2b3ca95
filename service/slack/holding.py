"""Messages that were taken stay in hand until they are answered, whatever becomes of us.

Whoever is gone without a word says nothing again of what it had in hand, and another process, or
the next one, tells the threads.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection

from corpus.errors import LecternError
from corpus.registry.database.engine import Registry
from corpus.registry.slack import (
    Abandoned,
    claim_abandoned,
    end_event,
    ended_of,
    has_abandoned,
    renew_events,
)

log = logging.getLogger("lectern.slack")

EVERY_S = 15.0  # a quarter of the lease
# How soon an answer ends that another process was told to stop.
LOOK_EVERY_S = 1.0


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

    async def keep(
        self,
        tell: Callable[[Abandoned], Awaitable[bool]],
        stop: Callable[[Collection[str]], object],
    ) -> None:
        """Say again and again what is in hand, and `tell` threads that others left behind.

        What is in hand and others ended, `stop` is called with.
        """
        async with asyncio.TaskGroup() as tasks:
            # However long telling takes.
            tasks.create_task(_again_and_again(self._renew, EVERY_S))
            tasks.create_task(_again_and_again(lambda: self._tell(tell), EVERY_S))
            tasks.create_task(_again_and_again(lambda: self._stop(stop), LOOK_EVERY_S))

    async def _renew(self) -> None:
        await asyncio.to_thread(self._write_what_is_in_hand, set(self._in_hand))

    async def _stop(self, stop: Callable[[Collection[str]], object]) -> None:
        if self._in_hand:
            ended = await asyncio.to_thread(self._ended_by_others, set(self._in_hand))
            stop(ended & self._in_hand)  # what was answered meanwhile is ended too

    async def _tell(self, tell: Callable[[Abandoned], Awaitable[bool]]) -> None:
        while claimed := await asyncio.to_thread(self._claim, set(self._in_hand)):
            self._in_hand |= {one.event_id for one in claimed}
            try:
                for one in claimed:
                    if await tell(one):
                        await self.end(one.event_id)
            finally:
                self._in_hand -= {one.event_id for one in claimed}

    def _write_what_is_in_hand(self, in_hand: set[str]) -> None:
        self._write_ends()
        if not in_hand:
            return
        with self._registry.write() as connection:
            renew_events(connection, in_hand)

    def _ended_by_others(self, in_hand: set[str]) -> set[str]:
        with self._registry.read() as connection:
            return ended_of(connection, in_hand)

    def _claim(self, in_hand: set[str]) -> list[Abandoned]:
        with self._registry.read() as connection:
            if not has_abandoned(connection):
                return []
        with self._registry.write() as connection:
            return claim_abandoned(connection, in_hand)

    def _write_ends(self) -> None:
        ended = set(self._ended)
        if not ended:
            return
        with self._registry.write() as connection:
            for key in sorted(ended):
                end_event(connection, key)
        self._ended -= ended


async def _again_and_again(step: Callable[[], Awaitable[None]], every_s: float) -> None:
    while True:
        try:
            await step()
        except LecternError as error:
            log.info("what is in hand could not be noted: %s", error.detail)
        except Exception:
            log.exception("what is in hand was not looked after")
        await asyncio.sleep(every_s)
