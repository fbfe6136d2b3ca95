"""Trying again while a server is away, or has its hands full."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import httpx

from lectern.client import ServerError

OUTAGE_LIMIT_S = 120.0  # a start that reads documents anew takes seconds; this is for a restart
# A queue gets shorter as long as there is a worker; one that does not for so long has none.
FULL_LIMIT_S = 3600.0
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0

T = TypeVar("T")


class InterruptedWaitError(Exception):
    """Nobody waits for the outcome any more."""


class Patience:
    """Shared by the threads of a command: what one of them has waited, no other waits again.

    Any answer but a 503 ends an outage for all. A server that never answered is not waited for:
    its address is wrong.
    """

    def __init__(
        self,
        stop: threading.Event,
        *,
        on_outage: Callable[[], None] = lambda: None,
        outage_limit_s: float = OUTAGE_LIMIT_S,
        full_limit_s: float = FULL_LIMIT_S,
    ) -> None:
        self._stop = stop
        self._on_outage = on_outage
        self._outage_limit_s = outage_limit_s
        self._full_limit_s = full_limit_s
        self._has_answered = False
        self._away_since_s: float | None = None

    def call(self, ask: Callable[[], T]) -> T:
        """What `ask` returns, which may be called again and again.

        Raises its `TransportError` or 503 after two minutes without another answer, its 429 after
        an hour of them, and every other error at once; `InterruptedWaitError` when stopped.
        """
        pause_s = FIRST_PAUSE_S
        started_s = time.monotonic()
        while not self._stop.is_set():
            try:
                answer = ask()
            except httpx.TransportError:
                if not self._may_wait():
                    raise
                self._on_outage()
            except ServerError as error:
                if not self._is_not_now(error, time.monotonic() - started_s):
                    raise
                pause_s = max(pause_s, error.retry_after_s or 0.0)
            else:
                self._answered()
                return answer
            self._stop.wait(min(pause_s, LONGEST_PAUSE_S))
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
        raise InterruptedWaitError

    def _is_not_now(self, error: ServerError, tried_for_s: float) -> bool:
        if error.status == 503:
            return self._may_wait()
        self._answered()
        return error.status == 429 and tried_for_s < self._full_limit_s

    def _answered(self) -> None:
        self._has_answered = True
        self._away_since_s = None

    def _may_wait(self) -> bool:
        now_s = time.monotonic()
        if self._away_since_s is None:
            self._away_since_s = now_s
        return self._has_answered and now_s - self._away_since_s < self._outage_limit_s
