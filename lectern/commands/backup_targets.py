"""Where a backup goes: a file that is given its name when it is whole, or the standard output."""

from __future__ import annotations

import errno
import io
import os
import sys
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
def standard_output() -> Iterator[BinaryIO]:
    """What is written goes to who reads us.

    Raises `Misconfigured` where that is a terminal, `StorageUnavailable` when it cannot be written
    to: then what came out is a part.
    """
    if sys.stdout.isatty():
        raise Misconfigured("A backup is nothing to read.", hint="lectern backup - > FILE.tar")
    descriptor = os.dup(sys.stdout.fileno())
    with _made(), io.BufferedWriter(_Target(descriptor, "the standard output")) as file:
        yield file


@contextmanager
def new_file(target: Path | str) -> Iterator[NewFile]:
    """The file `target`, or a new one in that folder, for its owner alone.

    What ends in a slash must be a folder. Raises `Misconfigured` when it is not, or the file is
    there already, `StorageUnavailable` when it cannot be written, or something in the block cannot
    be read; then nothing is left of it.
    """
    path = Path(target)
    is_folder = path.is_dir()
    if is_folder:
        path = path / f"lectern-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar"
    elif str(target).endswith("/"):
        raise Misconfigured(f"There is no folder {target}.", hint="Make it, or name a file.")
    elif path.exists():
        raise _is_there(path)
    with _told(path):
        # A name that nobody else has: it may be written to by several at once.
        descriptor, name = tempfile.mkstemp(".partial", f"{path.name}.", path.parent)
    partial = Path(name)
    try:
        with _made(), io.BufferedWriter(_Target(descriptor, path)) as file:
            new = NewFile(file, path)
            yield new
            file.flush()
            with _told(path):
                os.fsync(descriptor)
        with _told(path):
            new.path = _given_name(partial, path, is_folder=is_folder)
            _sync(path.parent)
    finally:
        partial.unlink(missing_ok=True)


class _Target(io.FileIO):
    """Says of its errors that they are its own."""

    def __init__(self, descriptor: int, where: Path | str) -> None:
        super().__init__(descriptor, "wb")
        self._where = where

    def write(self, data: ReadableBuffer, /) -> int:
        with _told(self._where):
            return super().write(data)


@contextmanager
def _made() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageUnavailable(
            f"The backup could not be made: {error}.",
            hint="Run it as the user of the service; what was written is no backup.",
        ) from error


@contextmanager
def _told(where: Path | str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageUnavailable(
            f"The backup could not be written to {where}: {error.strerror or error}.",
            hint=f"Check the space, and whether user {os.geteuid()} may write there; what was "
            "written is no backup.",
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
