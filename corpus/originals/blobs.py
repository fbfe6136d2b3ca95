"""Originals, by the sha256 of their bytes.

An upload is staged first (bytes on disk, measured), and kept only inside the transaction that
registers it, so a deletion of the same bytes that happens meanwhile cannot take them away.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from corpus.originals.staging import IncomingFile, claimed_folder, clear_left_over

COPY_BYTES = 1 << 20


class StagedBlob(Protocol):
    """Bytes that were received and measured, not yet kept."""

    @property
    def content_sha256(self) -> str:
        """Lower-case hex."""
        ...

    @property
    def size_bytes(self) -> int:
        """At least 1."""
        ...

    @property
    def path(self) -> Path:
        """Where the bytes can be read until `keep` or the end of the staging block."""
        ...

    def keep(self) -> None:
        """Make the bytes durable under their hash; harmless when they are there already."""
        ...


class IncomingBlob(Protocol):
    """Bytes on their way in."""

    def write(self, piece: bytes) -> None:
        """Add bytes at the end. Raises `FileTooLarge`, and `OSError` when the disk is full."""
        ...

    def finish(self) -> StagedBlob:
        """All that came in. Raises `EmptyFile`, and `OSError` when the disk is full."""
        ...

    def discard(self) -> None:
        """Remove what came in before the end of the block; harmless when it was kept."""
        ...


class Intake(Protocol):
    """Where the files of one upload come in."""

    def new_file(self, *, max_bytes: int) -> IncomingBlob:
        """An empty file, of at most this size. Raises `OSError`."""
        ...


class BlobStore(Protocol):
    """Where originals live."""

    def receive(self) -> AbstractContextManager[Intake]:
        """Receive any number of files; what is not kept is removed at the end of the block."""
        ...

    def stage(self, source: BinaryIO, *, max_bytes: int) -> AbstractContextManager[StagedBlob]:
        """Receive bytes; `EmptyFile` or `FileTooLarge` when they are none or too many."""
        ...

    def local_copy(self, content_sha256: str) -> AbstractContextManager[Path]:
        """A readable file with these bytes; `FileNotFoundError` when they are not kept."""
        ...

    def delete(self, content_sha256: str) -> None:
        """Remove the bytes; harmless when they are gone."""
        ...

    def kept(self) -> Iterator[KeptBlob]:
        """All that is kept, lazily, in the order of the hashes."""
        ...


@dataclass(frozen=True, slots=True)
class KeptBlob:
    """An original in the store, and for how many seconds it was there or last uploaded."""

    content_sha256: str
    age_s: float


@dataclass(frozen=True, slots=True)
class _StagedFile:
    content_sha256: str
    size_bytes: int
    path: Path
    target: Path

    def keep(self) -> None:
        try:
            os.utime(self.target)  # it is new again: the reconciler must not take it for forgotten
        except FileNotFoundError:
            pass
        else:
            return
        folder = self.target.parent
        folder.mkdir(parents=True, exist_ok=True)
        self.path.replace(self.target)
        _sync_folder(folder)
        _sync_folder(folder.parent)  # the folder may be new, and is an entry there


@dataclass(frozen=True, slots=True)
class _FileComingIn:
    file: IncomingFile
    originals: Path

    def write(self, piece: bytes) -> None:
        self.file.write(piece)

    def finish(self) -> StagedBlob:
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
        file = IncomingFile(self._folder / str(self._count), max_bytes=max_bytes)
        return _FileComingIn(file, self._originals)


class FolderBlobStore:
    """Originals in a folder: `ab/abcdef...`, partial uploads in `staging/`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._staging = folder / "staging"
        self._staging.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def receive(self) -> Iterator[_FolderIntake]:
        """A folder below the staging one; a process that dies leaves it to `clear_staging`."""
        with claimed_folder(self._staging) as folder:
            yield _FolderIntake(folder, self._folder)

    @contextmanager
    def stage(self, source: BinaryIO, *, max_bytes: int) -> Iterator[StagedBlob]:
        """Copy to the staging folder, measuring; removed at the end unless kept."""
        with self.receive() as intake:
            incoming = intake.new_file(max_bytes=max_bytes)
            try:
                while piece := source.read(COPY_BYTES):
                    incoming.write(piece)
                yield incoming.finish()
            finally:
                incoming.discard()

    @contextmanager
    def local_copy(self, content_sha256: str) -> Iterator[Path]:
        """The kept file itself: do not write to it."""
        path = _path_of(self._folder, content_sha256)
        if not path.exists():
            raise FileNotFoundError(path)
        yield path

    def delete(self, content_sha256: str) -> None:
        """Unlink the file."""
        _path_of(self._folder, content_sha256).unlink(missing_ok=True)

    def kept(self) -> Iterator[KeptBlob]:
        """Look into one subfolder at a time."""
        for folder in sorted(self._folder.glob("[0-9a-f][0-9a-f]")):
            for path in sorted(folder.iterdir()):
                try:
                    age_s = time.time() - path.stat().st_mtime
                except FileNotFoundError:
                    continue  # deleted since the folder was listed
                yield KeptBlob(path.name, max(0.0, age_s))

    def clear_staging(self) -> None:
        """Remove what interrupted uploads left; uploads under way, anyone's, are not touched."""
        clear_left_over(self._staging)


def _path_of(originals: Path, content_sha256: str) -> Path:
    return originals / content_sha256[:2] / content_sha256


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
