"""What a store of originals does: the uploaded bytes, by their sha256.

An upload is staged first (bytes on disk, measured), and kept only inside the transaction that
registers it, so a deletion of the same bytes that happens meanwhile cannot take them away. What
takes long can be done before, outside of any transaction: `send_ahead`.
What writes, reads or lists raises `StorageUnavailable` where what it stands on does not answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol


class StagedOriginal(Protocol):
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

    def send_ahead(self, note: Callable[[], None]) -> bool:
        """Do what takes long of `keep`, before the transaction; whether it called `note`.

        It does where others may know the store, before that grows by this or by `keep`: who then
        does not keep the bytes, or dies, leaves them to `drop_originals`, and to whoever reads the
        note (corpus/registry/loose_originals.py).
        """
        ...

    def keep(self) -> None:
        """Make the bytes durable under their hash; harmless when they are there already.

        After `send_ahead`, what was there and is damaged is replaced by them.
        """
        ...


class IncomingOriginal(Protocol):
    """Bytes on their way in."""

    def write(self, piece: bytes) -> None:
        """Add bytes at the end. Raises `FileTooLarge`."""
        ...

    def finish(self) -> StagedOriginal:
        """All that came in. Raises `EmptyFile`."""
        ...

    def discard(self) -> None:
        """Remove what came in before the end of the block; harmless when it was kept."""
        ...


class Intake(Protocol):
    """Where the files of one upload come in."""

    def new_file(self, *, max_bytes: int) -> IncomingOriginal:
        """An empty file, of at most this size."""
        ...


@dataclass(frozen=True, slots=True)
class KeptOriginal:
    """An original in the store, and for how many seconds it was there or last uploaded."""

    content_sha256: str
    age_s: float


class OriginalStore(Protocol):
    """Where originals live."""

    def receive(self) -> AbstractContextManager[Intake]:
        """Receive any number of files; what is not kept is removed at the end of the block."""
        ...

    def stage(self, source: BinaryIO, *, max_bytes: int) -> AbstractContextManager[StagedOriginal]:
        """Receive bytes; `EmptyFile` or `FileTooLarge` when they are none or too many."""
        ...

    def local_copy(self, content_sha256: str) -> AbstractContextManager[Path]:
        """A readable file with these bytes; `OriginalMissing` when they are not kept."""
        ...

    def delete(self, content_sha256: str) -> None:
        """Remove the bytes; harmless when they are gone."""
        ...

    def kept(self) -> Iterator[KeptOriginal]:
        """All that is kept, lazily, in the order of the hashes."""
        ...

    def clear_staging(self) -> None:
        """Remove what interrupted uploads left; uploads under way, anyone's, are not touched."""
        ...

    def ping(self) -> None:
        """Return when the store answers, within seconds, else raise `StorageUnavailable`."""
        ...
