"""Originals that were fetched, kept on this machine for a moment: a document's pages follow on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

# Another server may have deleted the document meanwhile, and its bytes must not stay here.
KEPT_S = 60.0

Fetch = Callable[[Path], None]


@dataclass(slots=True, eq=False)
class _Copy:
    path: Path
    fetching: threading.Lock = field(default_factory=threading.Lock)
    users: int = 0
    size_bytes: int = 0  # 0: not fetched yet
    failure: Exception | None = None
    unused_since_s: float = 0.0


class Copies:
    """One copy of each original, fetched once for all who want it at the same time.

    `folder` is this process's alone. What nobody uses is removed, the longest unused first, down to
    `limit_bytes`, and by `expire` once it was unused for `kept_s`. Threads may share it.
    """

    def __init__(self, folder: Path, *, limit_bytes: int, kept_s: float = KEPT_S) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._kept_s = kept_s
        self._copies: dict[str, _Copy] = {}
        self._changing = threading.Lock()

    @contextmanager
    def lent(self, content_sha256: str, fetch: Fetch) -> Iterator[Path]:
        """A file with these bytes, fetched to the path that `fetch` is given if it has to be.

        What `fetch` raises, everybody gets who waits for it; who comes later makes it try again.
        """
        copy = self._taken(content_sha256)
        try:
            with copy.fetching:
                if copy.failure is not None:
                    raise copy.failure
                if not copy.size_bytes:
                    self._fetch(content_sha256, copy, fetch)
            yield copy.path
        finally:
            self._give_back(content_sha256, copy)

    def forget(self, content_sha256: str) -> None:
        """Remove the copy; who has opened it reads on."""
        with self._changing:
            self._remove(content_sha256)

    def expire(self, *_: object) -> None:
        """Remove what was unused for long enough."""
        with self._changing:
            for content_sha256, copy in self._unused():
                if time.monotonic() - copy.unused_since_s >= self._kept_s:
                    self._remove(content_sha256)

    def _taken(self, content_sha256: str) -> _Copy:
        with self._changing:
            copy = self._copies.get(content_sha256)
            if copy is None:
                # A name of its own: one that was forgotten may still be written to.
                copy = _Copy(self._folder / uuid4().hex)
                self._copies[content_sha256] = copy
            copy.users += 1
            return copy

    def _fetch(self, content_sha256: str, copy: _Copy, fetch: Fetch) -> None:
        try:
            fetch(copy.path)
            copy.size_bytes = copy.path.stat().st_size
        except Exception as error:
            copy.failure = error
            with self._changing:
                if self._copies.get(content_sha256) is copy:
                    del self._copies[content_sha256]
            copy.path.unlink(missing_ok=True)
            raise

    def _give_back(self, content_sha256: str, copy: _Copy) -> None:
        with self._changing:
            copy.users -= 1
            if copy.users:
                return
            copy.unused_since_s = time.monotonic()
            if self._copies.get(content_sha256) is not copy:
                copy.path.unlink(missing_ok=True)  # forgotten while it was used
            self._keep_within_limit()

    def _keep_within_limit(self) -> None:
        unused = self._unused()
        total_bytes = sum(copy.size_bytes for _, copy in unused)
        for content_sha256, copy in unused:
            if total_bytes <= self._limit_bytes:
                return
            total_bytes -= copy.size_bytes
            self._remove(content_sha256)

    def _unused(self) -> list[tuple[str, _Copy]]:
        """The longest unused first."""
        unused = [(name, copy) for name, copy in self._copies.items() if not copy.users]
        return sorted(unused, key=lambda one: one[1].unused_since_s)

    def _remove(self, content_sha256: str) -> None:
        copy = self._copies.pop(content_sha256, None)
        if copy is not None:
            copy.path.unlink(missing_ok=True)
