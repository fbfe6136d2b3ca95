"""A value that is expensive to ask for, or whose source may hang, as it was lately."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from corpus.errors import Unavailable

FRESH_S = 5.0
LIMIT_S = 2.0  # Prometheus gives up on a scrape after 10 s

log = logging.getLogger("lectern.metrics")

T = TypeVar("T")


class Lately(Generic[T]):
    """Asks in a thread of its own, one at a time, at most once in `fresh_s`.

    Whoever calls waits until `limit_s` after it was asked at most; several that are begun first are
    waited for together. From a source that takes longer they get what it said before, `kept_s` ago
    at most, or None; from one that is not available None.
    """

    def __init__(
        self,
        ask: Callable[[], T],
        *,
        fresh_s: float = FRESH_S,
        limit_s: float = LIMIT_S,
        kept_s: float = 0.0,
    ) -> None:
        self._ask = ask
        self._fresh_s = fresh_s
        self._limit_s = limit_s
        self._kept_s = kept_s
        self._lock = threading.Lock()
        self._last: _Question[T] | None = None
        self._before: _Question[T] | None = None

    def begin(self) -> None:
        """Ask, unless it was done a few seconds ago or goes on; waits for nothing."""
        self._asked()

    def __call__(self) -> T | None:
        """The value, asked for now or a few seconds ago."""
        question, before = self._asked()
        if question.has_ended(self._limit_s):
            return question.answer
        return None if before is None or before.is_over(self._kept_s) else before.answer

    def _asked(self) -> tuple[_Question[T], _Question[T] | None]:
        """The question of now, and the one before."""
        with self._lock:
            if self._last is None or self._last.is_over(self._fresh_s):
                self._before, self._last = self._last, _Question(self._ask)
            return self._last, self._before


class _Question(Generic[T]):
    def __init__(self, ask: Callable[[], T]) -> None:
        self.answer: T | None = None
        self._ended = threading.Event()
        self._began_s = time.monotonic()
        self._ended_s = 0.0
        self._ask = ask
        # A daemon: a process may end although what it asks hangs.
        threading.Thread(target=self._run, name="figures", daemon=True).start()

    def has_ended(self, limit_s: float) -> bool:
        """Whether it has, at so many seconds after it began."""
        return self._ended.wait(max(0.0, self._began_s + limit_s - time.monotonic()))

    def is_over(self, fresh_s: float) -> bool:
        return self._ended.is_set() and time.monotonic() - self._ended_s > fresh_s

    def _run(self) -> None:
        try:
            self.answer = self._ask()
        except (Unavailable, SQLAlchemyError, OSError) as error:
            # At a scrape every few seconds it would fill the log; the figures say it.
            log.debug("no figures: %s", error)
        finally:
            self._ended_s = time.monotonic()
            self._ended.set()
