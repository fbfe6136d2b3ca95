"""Asking whether a store answers, without waiting for one that hangs."""

from __future__ import annotations

import threading
from collections.abc import Callable

from corpus.errors import StorageUnavailable

PING_LIMIT_S = 3.0  # less than what probes wait (Kubernetes' default is 1 s, ours in compose 5 s)


class BoundedPing:
    """Calls `ask` in a thread of its own, one at a time: a hanging one is not asked again.

    `name` is who is asked, in a sentence: "The registry".
    """

    def __init__(
        self, ask: Callable[[], None], *, name: str, limit_s: float = PING_LIMIT_S
    ) -> None:
        self._ask = ask
        self._name = name
        self._limit_s = limit_s
        self._lock = threading.Lock()
        self._running: _Attempt | None = None

    def __call__(self) -> None:
        """Return when it answered, raise what it raised, or `StorageUnavailable` at the limit."""
        with self._lock:
            if self._running is None or self._running.ended.is_set():
                self._running = _Attempt(self._ask)
            attempt = self._running
        if not attempt.ended.wait(self._limit_s):
            raise StorageUnavailable(
                f"{self._name} does not answer: nothing came within {self._limit_s:g} s."
            )
        if attempt.error is not None:
            raise attempt.error


class _Attempt:
    def __init__(self, ask: Callable[[], None]) -> None:
        self.ended = threading.Event()
        self.error: Exception | None = None
        self._ask = ask
        # A daemon: a process may end although its store hangs.
        threading.Thread(target=self._run, name="ping", daemon=True).start()

    def _run(self) -> None:
        try:
            self._ask()
        except Exception as error:  # noqa: BLE001 - the outermost of its thread; raised by who waits
            self.error = error
        finally:
            self.ended.set()
