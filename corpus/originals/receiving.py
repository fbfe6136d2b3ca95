"""Receiving files into a folder of this machine, whatever store keeps them afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from corpus.errors import StorageUnavailable
from corpus.originals.port import Intake, StagedOriginal
from corpus.originals.staging import IncomingFile, Measured, claimed_folder

COPY_BYTES = 1 << 20

# What a store makes of a file that came in whole.
Staging = Callable[[Measured], StagedOriginal]


@dataclass(frozen=True, slots=True)
class _FileComingIn:
    file: IncomingFile
    staging: Staging

    def write(self, piece: bytes) -> None:
        with storing():
            self.file.write(piece)

    def finish(self) -> StagedOriginal:
        with storing():
            done = self.file.finish()
        return self.staging(done)

    def discard(self) -> None:
        self.file.discard()


class _FolderIntake:
    def __init__(self, folder: Path, staging: Staging) -> None:
        self._folder = folder
        self._staging = staging
        self._count = 0

    def new_file(self, *, max_bytes: int) -> _FileComingIn:
        self._count += 1
        with storing():
            file = IncomingFile(self._folder / str(self._count), max_bytes=max_bytes)
        return _FileComingIn(file, self._staging)


@contextmanager
def receiving(folder: Path, staging: Staging) -> Iterator[Intake]:
    """A folder of one's own below `folder`; a process that dies leaves it to `clear_left_over`."""
    with ExitStack() as claimed:
        with storing():
            own = claimed.enter_context(claimed_folder(folder))
        yield _FolderIntake(own, staging)


@contextmanager
def staged_from(
    source: BinaryIO, intake: AbstractContextManager[Intake], *, max_bytes: int
) -> Iterator[StagedOriginal]:
    """Copy to the intake, measuring; removed at the end unless kept."""
    with intake as opened:
        incoming = opened.new_file(max_bytes=max_bytes)
        try:
            with storing():
                while piece := source.read(COPY_BYTES):
                    incoming.write(piece)
            yield incoming.finish()
        finally:
            incoming.discard()


@contextmanager
def storing(failure: str = "The file could not be stored") -> Iterator[None]:
    """Errors of the file system as `StorageUnavailable`."""
    try:
        yield
    except OSError as error:
        raise StorageUnavailable(f"{failure}: {error.strerror or error}.") from error
