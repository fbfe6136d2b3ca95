"""Files on their way to the server: only those that it does not have."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from corpus.errors import EmptyFile, UnknownFileKind
from corpus.kinds.recognition import detect_kind
from corpus.values import Status
from lectern.client import Client, ServerError
from lectern.commands.patience import InterruptedWaitError, Patience
from lectern.commands.walking import FoundFile

BATCH_FILES = 16  # asked about together
BATCH_BYTES = 32 << 20  # read twice, to hash and to send: so few that the system has them still


@dataclass(frozen=True, slots=True)
class Sent:
    """The server has the file: as a document that was there, or that is new."""

    file: FoundFile
    document: dict[str, Any]
    was_there: bool


@dataclass(frozen=True, slots=True)
class NotSent:
    """The file was refused, or could not be read. `code` is the server's, or empty."""

    file: FoundFile
    detail: str
    hint: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file of a folder that is nothing to read."""

    file: FoundFile


Outcome = Sent | NotSent | Skipped


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends batches of files; several threads may at once.

    `on_bytes` is told, by those threads, how many bytes of files are dealt with.
    """

    client: Client
    patience: Patience
    stop: threading.Event
    collection: str
    is_bulk: bool
    on_bytes: Callable[[int], None]

    def send(self, batch: Sequence[FoundFile]) -> Iterator[Outcome]:
        """The outcome of each file, in no order.

        Raises `InterruptedWaitError` when stopped, `TransportError` when the server is gone.
        """
        hashed: list[tuple[FoundFile, str]] = []
        for file in batch:
            try:
                if not file.is_named and not _is_readable_kind(file):
                    self.on_bytes(file.size_bytes)
                    yield Skipped(file)
                else:
                    hashed.append((file, self._sha256(file.path)))
            except OSError as error:
                yield _unreadable(file, error)
        try:
            there = self._there([content_sha256 for _, content_sha256 in hashed])
        except ServerError as error:
            for file, _ in hashed:
                yield NotSent(file, error.detail, error.hint, error.code)
            return
        for file, content_sha256 in hashed:
            document = there.get(content_sha256)
            if document is not None:
                self.on_bytes(file.size_bytes)
                yield Sent(file, document, was_there=True)
            else:
                yield self._upload(file)

    def _there(self, hashes: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Documents by their hash; not those that failed, which a new upload tries again."""
        if not hashes:
            return {}
        found = self.patience.call(lambda: self.client.known(self.collection, hashes))
        return {one["content_sha256"]: one for one in found if one["status"] != Status.FAILED}

    def _upload(self, file: FoundFile) -> Outcome:
        try:
            document = self.patience.call(lambda: self._upload_once(file))
        except ServerError as error:
            # Our own look at the kind may be of another release than the server's.
            if error.code == UnknownFileKind.code and not file.is_named:
                return Skipped(file)
            return NotSent(file, error.detail, error.hint, error.code)
        except OSError as error:
            return _unreadable(file, error)
        # A retried upload may find what it sent itself, so a duplicate is no sign of "was there".
        return Sent(file, document, was_there=False)

    def _upload_once(self, file: FoundFile) -> dict[str, Any]:
        with _WatchedFile(file.path, self.stop, self.on_bytes) as source:
            name = file.name.rpartition("/")[2]
            try:
                return self.client.send(source, name, self.collection, is_bulk=self.is_bulk)
            except httpx.LocalProtocolError as error:
                raise OSError(0, "it changed while it was sent") from error

    def _sha256(self, path: Path) -> str:
        with _WatchedFile(path, self.stop, lambda _: None) as source:
            return hashlib.file_digest(source, hashlib.sha256).hexdigest()


class _WatchedFile(io.FileIO):
    """A file that stops being read when nobody waits for it any more."""

    def __init__(self, path: Path, stop: threading.Event, on_bytes: Callable[[int], None]) -> None:
        super().__init__(path)
        self._stop = stop
        self._on_bytes = on_bytes

    def read(self, size: int | None = -1, /) -> bytes:
        self._refuse_when_stopped()
        piece = super().read(-1 if size is None else size) or b""
        self._on_bytes(len(piece))
        return piece

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401  as the class above has it
        self._refuse_when_stopped()
        return super().readinto(buffer) or 0

    def _refuse_when_stopped(self) -> None:
        if self._stop.is_set():
            raise InterruptedWaitError


def batches(files: Iterable[FoundFile]) -> Iterator[list[FoundFile]]:
    """The files in their order, so many at a time as the bounds allow, at least one."""
    batch: list[FoundFile] = []
    batch_bytes = 0
    for file in files:
        if batch and (len(batch) == BATCH_FILES or batch_bytes + file.size_bytes > BATCH_BYTES):
            yield batch
            batch, batch_bytes = [], 0
        batch.append(file)
        batch_bytes += file.size_bytes
    if batch:
        yield batch


def _is_readable_kind(file: FoundFile) -> bool:
    try:
        detect_kind(file.path, file.name)
    except (UnknownFileKind, EmptyFile):
        return False
    return True


def _unreadable(file: FoundFile, error: OSError) -> NotSent:
    return NotSent(file, f"cannot be read: {error.strerror}.")
