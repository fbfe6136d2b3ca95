"""The tar file itself: members with their hashes, written and read from front to back."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, BinaryIO, Protocol

from corpus.backup.manifest import CHECKSUMS, MANIFEST, Manifest
from corpus.errors import BackupUnusable

PIECE_BYTES = 1 << 20
GZIP_LEVEL = 4  # text to a quarter; PDFs and vectors hardly shrink, at any level
_SPOOLED_BYTES = 8 << 20  # of the list of hashes; a longer one goes to the disk
_END_BYTES = 16 << 20  # the manifest with 200,000 unreadable originals
_OWNER_ONLY = 0o600


class Readable(Protocol):
    """Anything to read bytes from."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; empty at the end."""
        ...


class ArchiveWriter:
    """Adds members; `finish` makes a backup of it."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self._hashes = _spool()
        self.size_bytes = 0

    def add(self, name: str, data: bytes) -> None:
        """A member of these bytes."""
        self.copy(name, io.BytesIO(data), len(data))

    def copy(self, name: str, source: Readable, size_bytes: int) -> str:
        """A member with exactly so many bytes of `source`; their sha256 in lower-case hex."""
        measured = _Hashing(source)
        self._put(name, measured, size_bytes)
        sha256 = measured.digest.hexdigest()
        self._hashes.write(_line(sha256, name))
        return sha256

    def finish(self, manifest: Manifest) -> Manifest:
        """Add the hashes, then the manifest with theirs, which is given back."""
        self._hashes.seek(0)
        hashed = _Hashing(self._hashes)
        size_bytes = self._hashes.seek(0, io.SEEK_END)
        self._hashes.seek(0)
        self._put(CHECKSUMS, hashed, size_bytes)
        whole = replace(manifest, checksums_sha256=hashed.digest.hexdigest())
        data = whole.as_json()
        self._put(MANIFEST, io.BytesIO(data), len(data))
        return whole

    def _put(self, name: str, source: Readable, size_bytes: int) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode = size_bytes, _OWNER_ONLY
        self.size_bytes += size_bytes
        self._tar.addfile(info, source)


@contextmanager
def written(out: BinaryIO, *, is_compressed: bool) -> Iterator[ArchiveWriter]:
    """An archive that is written to `out` while the block runs; `out` stays open."""
    if not is_compressed:
        with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as tar:
            yield ArchiveWriter(tar)
        return
    with (
        gzip.GzipFile(fileobj=out, mode="wb", compresslevel=GZIP_LEVEL) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        yield ArchiveWriter(tar)


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a backup; read it before the next one is asked for."""

    name: str
    size_bytes: int
    content: Readable

    def whole(self) -> bytes:
        """All its bytes: for those that are known to be small."""
        return self.content.read()


def members(path: Path) -> Iterator[Member]:
    """The files in a backup, in order. Raises `BackupUnusable` where it is damaged."""
    with _reading(path), tarfile.open(path, mode="r|*") as tar:
        for info in tar:
            content = tar.extractfile(info) if info.isreg() else None
            if content is None:
                raise BackupUnusable(f"{path.name} holds more than files: {info.name}.")
            yield Member(info.name, info.size, _Content(path, content))


def verify(path: Path) -> Manifest:
    """Read the whole backup, and compare every file with its hash.

    Raises `BackupUnusable` when anything is missing, damaged or of a newer version.
    """
    computed, manifest, listed = _spool(), None, ""
    for member in members(path):
        hashing = _Hashing(member.content)
        if member.name == MANIFEST:
            manifest = Manifest.read(member.whole())
        elif member.name == CHECKSUMS:
            _compare(computed, hashing)
            listed = hashing.digest.hexdigest()
        else:
            while hashing.read(PIECE_BYTES):
                pass
            computed.write(_line(hashing.digest.hexdigest(), member.name))
    if manifest is None:
        raise BackupUnusable(f"{path.name} is not a whole backup: its end is missing.")
    if manifest.checksums_sha256 != listed:
        raise BackupUnusable(f"{path.name} is damaged: its list of hashes is not its own.")
    return manifest


def manifest_of(path: Path) -> Manifest:
    """What an uncompressed backup says of itself, read from its end; nothing is compared.

    Raises `BackupUnusable` where the end is not that of a backup, or of a newer version.
    """
    with _reading(path), path.open("rb") as file:
        file.seek(max(0, file.seek(0, io.SEEK_END) - _END_BYTES))
        end = file.read()
        start = end.rfind(f"{MANIFEST}\0".encode())  # its header; neither JSON nor padding has that
        if start < 0:
            raise BackupUnusable(f"{path.name} is not a whole backup: its end is missing.")
        with tarfile.open(fileobj=io.BytesIO(end[start:]), mode="r:") as tar:
            content = tar.extractfile(MANIFEST)
            return Manifest.read(content.read() if content else b"")


def _compare(computed: IO[bytes], listed: Readable) -> None:
    computed.seek(0)
    expected = io.BufferedReader(_Raw(listed))
    for found in computed:
        line = next(expected, b"")
        if found != line:
            name = found.rstrip(b"\n").partition(b"  ")[2].decode()
            raise BackupUnusable(f"The backup is damaged: {name} is not as it was written.")
    if expected.read():
        raise BackupUnusable("The backup is damaged: files are missing.")


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise BackupUnusable(f"There is no file {path}.") from error
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise BackupUnusable(f"{path.name} is no backup, or a damaged one: {error}.") from error


def _line(sha256: str, name: str) -> bytes:
    """As `sha256sum` writes it, and checks it."""
    return f"{sha256}  {name}\n".encode()


def _spool() -> IO[bytes]:
    return SpooledTemporaryFile(_SPOOLED_BYTES)


class _Content:
    """A member's bytes; reading them raises `BackupUnusable` where the file is damaged."""

    def __init__(self, path: Path, source: Readable) -> None:
        self._path = path
        self._source = source

    def read(self, size: int = -1, /) -> bytes:
        with _reading(self._path):
            return self._source.read(size)


class _Hashing:
    """Hashes what is read through it."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self.digest = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        piece = self._source.read(size)
        self.digest.update(piece)
        return piece


class _Raw(io.RawIOBase):
    """A `Readable` for the buffers of the standard library."""

    def __init__(self, source: Readable) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self._source.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)
