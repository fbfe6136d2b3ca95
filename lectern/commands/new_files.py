"""A file that is written beside its name, and given it when it is whole."""

from __future__ import annotations

import errno
import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from corpus.errors import Misconfigured, StorageUnavailable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# File systems without hard links.
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


@dataclass(slots=True)
class NewFile:
    """`path` is the name that it gets: of one in a folder, perhaps another one at the end."""

    file: BinaryIO
    path: Path


@contextmanager
def new_file(target: Path) -> Iterator[NewFile]:
    """The file `target`, or a new one in that folder, for its owner alone.

    Raises `Misconfigured` when the file is there already, `StorageUnavailable` when it cannot be
    written, or something in the block cannot be read; then nothing is left of it.
    """
    is_folder = target.is_dir()
    path = target
    if is_folder:
        path = target / f"lectern-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar"
    elif path.exists():
        raise _is_there(path)
    partial = None
    try:
        with _told(path):
            # A name that nobody else has: it may be written to by several at once.
            descriptor, name = tempfile.mkstemp(".partial", f"{path.name}.", path.parent)
            partial = Path(name)
        with io.BufferedWriter(_Target(descriptor, path)) as file:
            new = NewFile(file, path)
            yield new
            file.flush()
            with _told(path):
                os.fsync(descriptor)
        with _told(path):
            new.path = _given_name(partial, path, is_folder=is_folder)
            _sync(path.parent)
    except OSError as error:
        raise StorageUnavailable(
            f"The backup could not be made: {error}.",
            hint="Run it as the user of the service; what was written is removed.",
        ) from error
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)


class _Target(io.FileIO):
    """Says of its errors that they are its own."""

    def __init__(self, descriptor: int, path: Path) -> None:
        super().__init__(descriptor, "wb")
        self._path = path

    def write(self, data: ReadableBuffer, /) -> int:
        with _told(self._path):
            return super().write(data)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageUnavailable(
            f"The backup could not be written to {path}: {error.strerror or error}.",
            hint="Check the space and the permissions there; what was written is removed.",
        ) from error


def _given_name(partial: Path, path: Path, *, is_folder: bool) -> Path:
    """Where it is now: nothing that came there meanwhile is written over."""
    number = 1
    while True:
        wanted = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
        try:
            _link(partial, wanted)
        except FileExistsError:
            if not is_folder:
                raise _is_there(path) from None
            number += 1
        else:
            return wanted


def _link(partial: Path, path: Path) -> None:
    try:
        os.link(partial, path)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if path.exists():
            raise FileExistsError from error
        partial.rename(path)


def _is_there(path: Path) -> Misconfigured:
    return Misconfigured(f"{path} is there already.", hint="Name a new file, or a folder.")


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
