"""Originals in a folder of this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from corpus.errors import OriginalMissing, StorageUnavailable
from corpus.originals.port import KeptOriginal, StagedOriginal
from corpus.originals.staging import IncomingFile, claimed_folder, clear_left_over

COPY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class _StagedFile:
    content_sha256: str
    size_bytes: int
    path: Path
    target: Path

    def keep(self) -> None:
        folder = self.target.parent
        with _storing():
            try:
                os.utime(self.target)  # new again: the reconciler must not take it for forgotten
            except FileNotFoundError:
                folder.mkdir(parents=True, exist_ok=True)
                self.path.replace(self.target)
                _sync_folder(folder)
                _sync_folder(folder.parent)  # the folder may be new, and is an entry there


@dataclass(frozen=True, slots=True)
class _FileComingIn:
    file: IncomingFile
    originals: Path

    def write(self, piece: bytes) -> None:
        with _storing():
            self.file.write(piece)

    def finish(self) -> StagedOriginal:
        with _storing():
            done = self.file.finish()
        target = _path_of(self.originals, done.sha256)
        return _StagedFile(done.sha256, done.size_bytes, done.path, target)

    def discard(self) -> None:
        self.file.discard()


class _FolderIntake:
    def __init__(self, folder: Path, originals: Path) -> None:
        self._folder = folder
        self._originals = originals
        self._count = 0

    def new_file(self, *, max_bytes: int) -> _FileComingIn:
        self._count += 1
        with _storing():
            file = IncomingFile(self._folder / str(self._count), max_bytes=max_bytes)
        return _FileComingIn(file, self._originals)


class FolderOriginals:
    """Originals in a folder: `ab/abcdef...`, partial uploads in `staging/`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._staging = folder / "staging"
        self._staging.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def receive(self) -> Iterator[_FolderIntake]:
        """A folder below the staging one; a process that dies leaves it to `clear_staging`."""
        with ExitStack() as claimed:
            with _storing():
                folder = claimed.enter_context(claimed_folder(self._staging))
            yield _FolderIntake(folder, self._folder)

    @contextmanager
    def stage(self, source: BinaryIO, *, max_bytes: int) -> Iterator[StagedOriginal]:
        """Copy to the staging folder, measuring; removed at the end unless kept."""
        with self.receive() as intake:
            incoming = intake.new_file(max_bytes=max_bytes)
            try:
                with _storing():
                    while piece := source.read(COPY_BYTES):
                        incoming.write(piece)
                yield incoming.finish()
            finally:
                incoming.discard()

    @contextmanager
    def local_copy(self, content_sha256: str) -> Iterator[Path]:
        """The kept file itself: do not write to it."""
        path = _path_of(self._folder, content_sha256)
        with _storing("The original could not be read"):
            is_there = path.exists()
        if not is_there:
            raise OriginalMissing("The original is no longer stored.")
        yield path

    def delete(self, content_sha256: str) -> None:
        """Unlink the file."""
        with _storing("The file could not be removed"):
            _path_of(self._folder, content_sha256).unlink(missing_ok=True)

    def kept(self) -> Iterator[KeptOriginal]:
        """Look into one subfolder at a time."""
        with _storing("The originals could not be listed"):
            folders = sorted(self._folder.glob("[0-9a-f][0-9a-f]"))
        for folder in folders:
            with _storing("The originals could not be listed"):
                listed = [_listed(path) for path in sorted(folder.iterdir())]
            yield from (one for one in listed if one is not None)

    def clear_staging(self) -> None:
        """Remove what interrupted uploads left; uploads under way, anyone's, are not touched."""
        with _storing("The file could not be removed"):
            clear_left_over(self._staging)


@contextmanager
def _storing(failure: str = "The file could not be stored") -> Iterator[None]:
    """Errors of the file system as `StorageUnavailable`."""
    try:
        yield
    except OSError as error:
        raise StorageUnavailable(f"{failure}: {error.strerror or error}.") from error


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
