"""Asking whether a store answers, without waiting for one that hangs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Generic, TypeVar

from corpus.errors import StorageUnavailable

PING_LIMIT_S = 3.0  # less than what probes wait (Kubernetes' default is 1 s, ours in compose 5 s)

T = TypeVar("T")


class BoundedPing(Generic[T]):
    """Calls `ask` in a thread of its own, one at a time: a hanging one is not asked again.

    `name` is who is asked, in a sentence: "The registry".
    """

    def __init__(self, ask: Callable[[], T], *, name: str, limit_s: float = PING_LIMIT_S) -> None:
        self._ask = ask
        self._name = name
        self._limit_s = limit_s
        self._lock = threading.Lock()
        self._running: Future[T] | None = None

    def __call__(self) -> T:
        """What it answered; raises what it raised, or `StorageUnavailable` at the limit."""
        with self._lock:
            if self._running is None or self._running.done():
                self._running = _begun(self._ask)
            attempt = self._running
        wait([attempt], self._limit_s)
        if not attempt.done():
            raise StorageUnavailable(
                f"{self._name} does not answer: nothing came within {self._limit_s:g} s."
            )
        return attempt.result()


def _begun(ask: Callable[[], T]) -> Future[T]:
    attempt: Future[T] = Future()

    def run() -> None:
        try:
            attempt.set_result(ask())
        except Exception as error:  # noqa: BLE001 - the outermost of its thread; raised by who waits
            attempt.set_exception(error)

    # A daemon: a process may end although its store hangs.
    threading.Thread(target=run, name="ping", daemon=True).start()
    return attempt
