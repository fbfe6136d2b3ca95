"""Originals in a folder of this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from corpus.errors import OriginalMissing, StorageUnavailable
from corpus.originals.port import Intake, KeptOriginal, StagedOriginal
from corpus.originals.receiving import receiving, staged_from, storing
from corpus.originals.staging import Measured, clear_left_over


@dataclass(frozen=True, slots=True)
class _StagedFile:
    content_sha256: str
    size_bytes: int
    path: Path
    target: Path
    is_shared: bool

    def send_ahead(self, note: Callable[[], None]) -> bool:
        # Keeping is a rename, within the transaction. Its process may end before that does.
        with storing():
            will_grow = self.is_shared and not self.target.exists()
        if will_grow:
            note()
        return will_grow

    def keep(self) -> None:
        folder = self.target.parent
        with storing():
            folder.mkdir(parents=True, exist_ok=True)
            # Also over one that is there: it may be damaged, and is new again by it, so that the
            # reconciler does not take it for forgotten.
            self.path.replace(self.target)
            _sync_folder(folder)
            _sync_folder(folder.parent)  # the folder may be new, and is an entry there


class FolderOriginals:
    """Originals in a folder: `ab/abcdef...`, partial uploads in `staging/`."""

    def __init__(self, folder: Path, *, is_shared: bool = False) -> None:
        """`is_shared`: registries that are elsewhere may know what is in it."""
        self._folder = folder
        self._is_shared = is_shared
        self._staging = folder / "staging"
        self._staging.mkdir(parents=True, exist_ok=True)

    def receive(self) -> AbstractContextManager[Intake]:
        """A folder below the staging one; a process that dies leaves it to `clear_staging`."""
        return receiving(self._staging, self._staged)

    def stage(self, source: BinaryIO, *, max_bytes: int) -> AbstractContextManager[StagedOriginal]:
        """Copy to the staging folder, measuring; removed at the end unless kept."""
        return staged_from(source, self.receive(), max_bytes=max_bytes)

    @contextmanager
    def local_copy(self, content_sha256: str) -> Iterator[Path]:
        """The kept file itself: do not write to it."""
        path = _path_of(self._folder, content_sha256)
        with storing("The original could not be read"):
            is_there = path.exists()
        if not is_there:
            raise OriginalMissing("The original is no longer stored.")
        yield path

    def delete(self, content_sha256: str) -> None:
        """Unlink the file."""
        with storing("The file could not be removed"):
            _path_of(self._folder, content_sha256).unlink(missing_ok=True)

    def kept(self) -> Iterator[KeptOriginal]:
        """Look into one subfolder at a time."""
        with storing("The originals could not be listed"):
            folders = sorted(self._folder.glob("[0-9a-f][0-9a-f]"))
        for folder in folders:
            with storing("The originals could not be listed"):
                listed = [_listed(path) for path in sorted(folder.iterdir())]
            yield from (one for one in listed if one is not None)

    def clear_staging(self) -> None:
        """Remove what interrupted uploads left; uploads under way, anyone's, are not touched."""
        with storing("The file could not be removed"):
            clear_left_over(self._staging)

    def ping(self) -> None:
        """Whether files could come in; asks for no space."""
        if not os.access(self._staging, os.W_OK):
            raise StorageUnavailable(f"{self._folder} is not there, or cannot be written to.")

    def _staged(self, done: Measured) -> _StagedFile:
        target = _path_of(self._folder, done.sha256)
        return _StagedFile(done.sha256, done.size_bytes, done.path, target, self._is_shared)


def _listed(path: Path) -> KeptOriginal | None:
    """None for one that was deleted since its folder was listed."""
    try:
        age_s = time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return None
    return KeptOriginal(path.name, max(0.0, age_s))


def _path_of(originals: Path, content_sha256: str) -> Path:
    return originals / content_sha256[:2] / content_sha256


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
