"""Where files are while they come in: a folder for each upload, locked for as long as it lasts.

What a crash leaves is cleared at the next start. Other processes may share the folder (another
API, a worker), so only what no living process holds is taken for left over: the lock is the
operating system's and ends with its process, however that ends.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from corpus.errors import EmptyFile, FileTooLarge

_LOCK_SUFFIX = ".lock"


@dataclass(frozen=True, slots=True)
class Measured:
    """A file that came in whole and is synced to the disk. `sha256` is lower-case hex."""

    path: Path
    sha256: str
    size_bytes: int


class IncomingFile:
    """A file on its way in: hashed and counted as it is written."""

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        self._path = path
        self._file: BinaryIO = path.open("xb")
        self._digest = hashlib.sha256()
        self._size_bytes = 0
        self._max_bytes = max_bytes

    def write(self, piece: bytes) -> None:
        """Add bytes at the end. Raises `FileTooLarge`, and `OSError` when the disk is full."""
        self._size_bytes += len(piece)
        if self._size_bytes > self._max_bytes:
            limit_mb = self._max_bytes // 2**20
            raise FileTooLarge(f"The file is larger than the {limit_mb} MiB accepted.")
        self._digest.update(piece)
        self._file.write(piece)

    def finish(self) -> Measured:
        """The file as it came in, closed. Raises `EmptyFile`, and `OSError`."""
        if self._size_bytes == 0:
            raise EmptyFile("The file is empty.")
        with self._file as file:
            file.flush()
            os.fsync(file.fileno())
        return Measured(self._path, self._digest.hexdigest(), self._size_bytes)

    def discard(self) -> None:
        """Remove what came in; harmless when it was moved away."""
        with suppress(OSError):  # what could not be flushed is thrown away here
            self._file.close()
        self._path.unlink(missing_ok=True)


@contextmanager
def claimed_folder(staging: Path) -> Iterator[Path]:
    """A new folder in `staging` that is this process's alone, removed at the end."""
    name, lock = _claim(staging)
    folder = staging / name
    try:
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _lock_of(folder).unlink(missing_ok=True)
        os.close(lock)


def clear_left_over(staging: Path) -> None:
    """Remove what interrupted uploads left, and nothing that a living process works on."""
    for entry in list(staging.iterdir()):
        if entry.suffix == _LOCK_SUFFIX:
            _clear_if_free(entry)
        elif not entry.is_dir():
            entry.unlink(missing_ok=True)
        elif not _lock_of(entry).exists():
            shutil.rmtree(entry, ignore_errors=True)


def _claim(staging: Path) -> tuple[str, int]:
    while True:
        name = uuid4().hex
        path = staging / (name + _LOCK_SUFFIX)
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if _is_locked_by_us(lock) and _is_still_at(path, lock):
            return name, lock
        # Someone who clears the folder held it between the two lines.
        os.close(lock)


def _clear_if_free(path: Path) -> None:
    try:
        lock = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return
    try:
        if _is_locked_by_us(lock):
            shutil.rmtree(path.with_suffix(""), ignore_errors=True)
            path.unlink(missing_ok=True)
    finally:
        os.close(lock)


def _is_locked_by_us(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_still_at(path: Path, lock: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(lock).st_ino
    except FileNotFoundError:
        return False


def _lock_of(folder: Path) -> Path:
    return folder.with_name(folder.name + _LOCK_SUFFIX)
