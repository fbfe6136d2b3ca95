"""Small writes to the registry that no request waits for: uses of keys, the audit log."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from typing import TypeAlias

from sqlalchemy import Connection

from corpus.errors import Unavailable
from corpus.registry.database.engine import Registry

WAITING = 2_000  # at most; more are let go
TOGETHER = 200  # in one transaction
CLOSE_S = 5.0

log = logging.getLogger("lectern.audit")

Write: TypeAlias = Callable[[Connection], object]

TRIES_S = (0.2, 1.0, 3.0)  # an outage of moments loses nothing


class Recorder:
    """Writes in a thread of its own, in the order given, many in one transaction.

    What cannot be written is let go, and the log says so.
    """

    def __init__(self, registry: Callable[[], Registry]) -> None:
        self._registry = registry
        self._waiting: queue.Queue[Write | threading.Event | None] = queue.Queue(WAITING)
        self._is_closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def put(self, write: Write | threading.Event) -> None:
        """Have it written soon; never waits."""
        self._start()
        try:
            self._waiting.put_nowait(write)
        except queue.Full:
            log.error("a record is not in the registry: too many wait")  # noqa: TRY400  no reason

    def flush(self, limit_s: float = CLOSE_S) -> None:
        """Wait until all that was put before is written, at most `limit_s`."""
        written = threading.Event()
        self.put(written)
        written.wait(limit_s)

    def close(self) -> None:
        """Write what waits, and end; within seconds."""
        self._is_closing.set()
        if self._thread is not None:
            with contextlib.suppress(queue.Full):
                self._waiting.put(None, timeout=CLOSE_S)
            self._thread.join(CLOSE_S)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while (some := self._next()) is not None:
            writes = [one for one in some if not isinstance(one, threading.Event)]
            if not self._written(writes) and len(writes) > 1:
                # One that cannot be written costs no other.
                for write in writes:
                    self._written([write])
            for one in some:
                if isinstance(one, threading.Event):
                    one.set()

    def _written(self, writes: list[Write]) -> bool:
        for wait_s in (*TRIES_S, None):
            try:
                with self._registry().write() as connection:
                    for write in writes:
                        write(connection)
            except Unavailable as error:
                if wait_s is None or self._is_closing.wait(wait_s):
                    log.error("%d records are not in the registry: %s", len(writes), error.detail)  # noqa: TRY400  it is said
                    return True  # nor would they be one by one
            except Exception:
                log.exception("of %d records, one cannot be written", len(writes))
                return False
            else:
                return True
        return True

    def _next(self) -> list[Write | threading.Event] | None:
        """Whatever waits, at least one; None at the end."""
        first = self._waiting.get()
        if first is None:
            return None
        some = [first]
        while len(some) < TOGETHER and not self._waiting.empty():
            another = self._waiting.get()
            if another is None:
                self._waiting.put(None)
                break
            some.append(another)
        return some
