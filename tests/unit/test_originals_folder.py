from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path

import pytest

from corpus.errors import EmptyFile, FileTooLarge, OriginalMissing, StorageUnavailable
from corpus.originals.folder import FolderOriginals


@pytest.fixture
def originals(tmp_path: Path) -> FolderOriginals:
    return FolderOriginals(tmp_path)


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_kept_bytes_are_found_by_their_hash(originals: FolderOriginals) -> None:
    with originals.stage(BytesIO(b"hello"), max_bytes=10) as staged:
        assert staged.content_sha256 == hashlib.sha256(b"hello").hexdigest()
        assert staged.size_bytes == 5
        assert staged.path.read_bytes() == b"hello"
        staged.keep()
    with originals.local_copy(staged.content_sha256) as path:
        assert path.read_bytes() == b"hello"


def test_bytes_that_are_not_kept_leave_nothing(originals: FolderOriginals, tmp_path: Path) -> None:
    with originals.stage(BytesIO(b"hello"), max_bytes=10) as staged:
        pass
    assert files_below(tmp_path) == []
    with pytest.raises(OriginalMissing), originals.local_copy(staged.content_sha256):
        pass


def test_too_many_bytes_are_refused_and_leave_nothing(
    originals: FolderOriginals, tmp_path: Path
) -> None:
    with pytest.raises(FileTooLarge), originals.stage(BytesIO(b"x" * 11), max_bytes=10):
        pass
    assert files_below(tmp_path) == []


def test_no_bytes_are_refused(originals: FolderOriginals) -> None:
    with pytest.raises(EmptyFile), originals.stage(BytesIO(b""), max_bytes=10):
        pass


def test_keeping_twice_and_deleting_twice_is_harmless(originals: FolderOriginals) -> None:
    for _ in range(2):
        with originals.stage(BytesIO(b"hello"), max_bytes=10) as staged:
            staged.keep()
    originals.delete(staged.content_sha256)
    originals.delete(staged.content_sha256)
    with pytest.raises(OriginalMissing), originals.local_copy(staged.content_sha256):
        pass


def test_a_deletion_while_the_same_bytes_are_staged_does_not_take_them(
    originals: FolderOriginals,
) -> None:
    with originals.stage(BytesIO(b"hello"), max_bytes=10) as first:
        first.keep()
    with originals.stage(BytesIO(b"hello"), max_bytes=10) as second:
        originals.delete(first.content_sha256)
        second.keep()
    with originals.local_copy(second.content_sha256) as path:
        assert path.read_bytes() == b"hello"


def test_what_the_file_system_says_is_said_in_our_words(tmp_path: Path) -> None:
    originals = FolderOriginals(tmp_path)
    (tmp_path / "staging").rmdir()
    (tmp_path / "staging").write_text("no folder")
    with pytest.raises(StorageUnavailable, match="could not be stored"), originals.receive():
        pass
    (tmp_path / "ab").write_text("no folder")
    with pytest.raises(StorageUnavailable, match="originals could not be listed"):
        list(originals.kept())
