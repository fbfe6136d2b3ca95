from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path

import pytest

from corpus.errors import EmptyFile, FileTooLarge
from corpus.originals.blobs import FolderBlobStore


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobStore:
    return FolderBlobStore(tmp_path)


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_kept_bytes_are_found_by_their_hash(blobs: FolderBlobStore) -> None:
    with blobs.stage(BytesIO(b"hello"), max_bytes=10) as staged:
        assert staged.content_sha256 == hashlib.sha256(b"hello").hexdigest()
        assert staged.size_bytes == 5
        assert staged.path.read_bytes() == b"hello"
        staged.keep()
    with blobs.local_copy(staged.content_sha256) as path:
        assert path.read_bytes() == b"hello"


def test_bytes_that_are_not_kept_leave_nothing(blobs: FolderBlobStore, tmp_path: Path) -> None:
    with blobs.stage(BytesIO(b"hello"), max_bytes=10) as staged:
        pass
    assert files_below(tmp_path) == []
    with pytest.raises(FileNotFoundError), blobs.local_copy(staged.content_sha256):
        pass


def test_too_many_bytes_are_refused_and_leave_nothing(
    blobs: FolderBlobStore, tmp_path: Path
) -> None:
    with pytest.raises(FileTooLarge), blobs.stage(BytesIO(b"x" * 11), max_bytes=10):
        pass
    assert files_below(tmp_path) == []


def test_no_bytes_are_refused(blobs: FolderBlobStore) -> None:
    with pytest.raises(EmptyFile), blobs.stage(BytesIO(b""), max_bytes=10):
        pass


def test_keeping_twice_and_deleting_twice_is_harmless(blobs: FolderBlobStore) -> None:
    for _ in range(2):
        with blobs.stage(BytesIO(b"hello"), max_bytes=10) as staged:
            staged.keep()
    blobs.delete(staged.content_sha256)
    blobs.delete(staged.content_sha256)
    with pytest.raises(FileNotFoundError), blobs.local_copy(staged.content_sha256):
        pass


def test_a_deletion_while_the_same_bytes_are_staged_does_not_take_them(
    blobs: FolderBlobStore,
) -> None:
    with blobs.stage(BytesIO(b"hello"), max_bytes=10) as first:
        first.keep()
    with blobs.stage(BytesIO(b"hello"), max_bytes=10) as second:
        blobs.delete(first.content_sha256)
        second.keep()
    with blobs.local_copy(second.content_sha256) as path:
        assert path.read_bytes() == b"hello"
