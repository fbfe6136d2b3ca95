"""Copying originals into a backup: each once, and whatever one is damaged by is its own affair."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import BinaryIO

from corpus.backup.archive import ArchiveWriter
from corpus.backup.parts import original_name
from corpus.backup.telling import Tell
from corpus.errors import OriginalMissing, StorageUnavailable
from corpus.originals.port import OriginalStore
from corpus.originals.receiving import storing
from corpus.registry.database.engine import Registry
from corpus.registry.deletions import is_referenced

_IS_FULL = frozenset({ENOSPC, EDQUOT})
# Whether an original that is not there is needed is asked so often, so long after each other; of
# many that are missing, once.
LOOKS = 8
AGAIN_S = 0.25
PATIENT_WITH = 20


@dataclass(slots=True)
class OriginalsCopied:
    """What was copied; `unreadable` are damaged, missing, or could not be read."""

    registry: Registry
    originals: OriginalStore
    archive: ArchiveWriter
    tell: Tell
    copied: set[bytes] = field(default_factory=set)
    unreadable: dict[str, None] = field(default_factory=dict)
    size_bytes: int = 0

    def copy(self, contents: Iterator[str], *, is_retried: bool = False) -> bool:
        """Copy those that were not yet; False when one was deleted meanwhile.

        One that cannot be read although versions need it is noted, unless all are gone through
        again. Raises `StorageUnavailable` when the store itself does not answer.
        """
        for content_sha256 in contents:
            if bytes.fromhex(content_sha256) in self.copied or content_sha256 in self.unreadable:
                continue
            with ExitStack() as opened:
                try:
                    path = opened.enter_context(self.originals.local_copy(content_sha256))
                    source = opened.enter_context(_opened(path))
                except (OriginalMissing, StorageUnavailable) as error:
                    self._require_store(error)
                    if is_retried:
                        continue
                    if not self._is_needed(content_sha256):
                        return False
                    self.unreadable[content_sha256] = None
                    continue
                self._add(content_sha256, source)
        return True

    def _add(self, content_sha256: str, source: _ToTheEnd) -> None:
        found = self.archive.copy(original_name(content_sha256), source, source.size_bytes)
        self.copied.add(bytes.fromhex(content_sha256))
        self.size_bytes += source.size_bytes
        if found != content_sha256:
            self.unreadable[content_sha256] = None
        self.tell("originals", len(self.copied))

    def _require_store(self, error: OriginalMissing | StorageUnavailable) -> None:
        """Raise when it is not about this original: no other could be read."""
        if isinstance(error, StorageUnavailable):
            cause = error.__cause__
            if isinstance(cause, OSError) and cause.errno in _IS_FULL:
                raise error
            self.originals.ping()

    def _is_needed(self, content_sha256: str) -> bool:
        """A deletion removes the bytes a moment before its rows are gone: that is waited for."""
        looks = LOOKS if len(self.unreadable) < PATIENT_WITH else 1
        for look in range(looks):
            time.sleep(AGAIN_S * bool(look))
            with self.registry.read() as connection:
                if not is_referenced(connection, content_sha256):
                    return False
        return True


class _ToTheEnd:
    """A file, with zeros for what cannot be read of it: its size stands in the archive by then."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._is_broken = False
        self.size_bytes = file.seek(0, os.SEEK_END)
        file.seek(0)

    def read(self, size: int = -1, /) -> bytes:
        """So many bytes."""
        piece = b""
        if not self._is_broken:
            try:
                piece = self._file.read(size)
            except OSError:
                self._is_broken = True
        return piece.ljust(size, b"\0")


@contextmanager
def _opened(path: Path) -> Iterator[_ToTheEnd]:
    with ExitStack() as opened:
        with storing("The original could not be read"):
            try:
                file = opened.enter_context(path.open("rb"))
            except FileNotFoundError as error:
                raise OriginalMissing("The original is no longer stored.") from error
            source = _ToTheEnd(file)
        yield source
