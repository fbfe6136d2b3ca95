"""Not waiting again and again for a server that says nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from corpus.errors import StorageUnavailable

# As long as callers are told to wait before they try again.
LASTS_S = 5.0


class Silence:
    """After a call that waited for nothing, others fail at once for `lasts_s`.

    A request with a thousand files would wait for each of them else, and so would transactions, one
    behind the other. Threads may share it.
    """

    def __init__(self, *, lasts_s: float = LASTS_S) -> None:
        self._lasts_s = lasts_s
        self._lock = threading.Lock()
        self._until_s = 0.0
        self._said: StorageUnavailable | None = None

    @contextmanager
    def spared(self) -> Iterator[None]:
        """Raise what the call before raised, or learn from the one in the block."""
        with self._lock:
            said = self._said if time.monotonic() < self._until_s else None
        if said is not None:
            raise StorageUnavailable(said.detail, hint=said.hint)
        try:
            yield
        except StorageUnavailable as error:
            self.learn(error)
            raise

    def learn(self, error: StorageUnavailable) -> None:
        """A call failed so; begins the silence if it waited for nothing."""
        if isinstance(error.__cause__, ConnectTimeoutError | ReadTimeoutError):
            with self._lock:
                self._said = error
                self._until_s = time.monotonic() + self._lasts_s

    def end(self) -> None:
        """The server has answered."""
        with self._lock:
            self._until_s = 0.0
