"""Originals, by the sha256 of their bytes.

An upload is staged first (bytes on disk, measured), and kept only inside the transaction that
registers it, so a deletion of the same bytes that happens meanwhile cannot take them away.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from corpus.errors import EmptyFile, FileTooLarge

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


class BlobStore(Protocol):
    """Where originals live."""

    def stage(self, source: BinaryIO, *, max_bytes: int) -> AbstractContextManager[StagedBlob]:
        """Receive bytes; `EmptyFile` or `FileTooLarge` when they are none or too many."""
        ...

    def local_copy(self, content_sha256: str) -> AbstractContextManager[Path]:
        """A readable file with these bytes; `FileNotFoundError` when they are not kept."""
        ...

    def delete(self, content_sha256: str) -> None:
        """Remove the bytes; harmless when they are gone."""
        ...


@dataclass(frozen=True, slots=True)
class _StagedFile:
    content_sha256: str
    size_bytes: int
    path: Path
    target: Path

    def keep(self) -> None:
        if self.target.exists():
            return
        self.target.parent.mkdir(parents=True, exist_ok=True)
        self.path.replace(self.target)
        _sync_folder(self.target.parent)


class FolderBlobStore:
    """Originals in a folder: `ab/abcdef...`, partial uploads in `staging/`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._staging = folder / "staging"
        self._staging.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def stage(self, source: BinaryIO, *, max_bytes: int) -> Iterator[StagedBlob]:
        """Copy to the staging folder, measuring; removed at the end unless kept."""
        digest = hashlib.sha256()
        size_bytes = 0
        with tempfile.NamedTemporaryFile(dir=self._staging, delete=False) as copy:
            path = Path(copy.name)
            try:
                while piece := source.read(COPY_BYTES):
                    size_bytes += len(piece)
                    if size_bytes > max_bytes:
                        raise FileTooLarge(
                            f"The file is larger than the {max_bytes // 2**20} MiB accepted."
                        )
                    digest.update(piece)
                    copy.write(piece)
                if size_bytes == 0:
                    raise EmptyFile("The file is empty.")
                copy.flush()
                os.fsync(copy.fileno())
                content_sha256 = digest.hexdigest()
                yield _StagedFile(content_sha256, size_bytes, path, self._path_of(content_sha256))
            finally:
                path.unlink(missing_ok=True)

    @contextmanager
    def local_copy(self, content_sha256: str) -> Iterator[Path]:
        """The kept file itself: do not write to it."""
        path = self._path_of(content_sha256)
        if not path.exists():
            raise FileNotFoundError(path)
        yield path

    def delete(self, content_sha256: str) -> None:
        """Unlink the file."""
        self._path_of(content_sha256).unlink(missing_ok=True)

    def clear_staging(self) -> None:
        """Remove what interrupted uploads left; only while no upload is under way."""
        shutil.rmtree(self._staging)
        self._staging.mkdir()

    def _path_of(self, content_sha256: str) -> Path:
        return self._folder / content_sha256[:2] / content_sha256


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
