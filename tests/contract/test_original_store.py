"""What every store of originals does, on a folder and on a bucket behind a real server."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest

from corpus.errors import EmptyFile, FileTooLarge, OriginalMissing
from corpus.originals.open import opened_originals
from corpus.originals.port import OriginalStore
from corpus.settings import Settings
from tests.bucket import BucketServer
from tests.installations import an_installation

# Writes other bytes to the place of a kept original, behind the store's back.
Damage = Callable[[str, bytes], None]


@pytest.fixture(params=["folder", "bucket", "bucket with a prefix"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Settings, Damage]:
    if request.param == "folder":
        folder = tmp_path / "originals"
        settings = Settings(_env_file=None, data_dir=tmp_path)
        return settings, lambda sha, wrong: put(folder / sha[:2] / sha, wrong)
    server: BucketServer = request.getfixturevalue("bucket_server")
    prefix = "team a/docs" if "prefix" in request.param else ""
    bucket = server.new_bucket()
    said = bucket.settings(prefix)
    settings = Settings(_env_file=None, data_dir=tmp_path, **said)  # type: ignore[arg-type]
    in_bucket = f"{prefix}/originals/" if prefix else "originals/"
    return settings, lambda sha, wrong: bucket.put(in_bucket + sha, wrong)


def put(path: Path, content: bytes) -> None:
    assert path.exists()
    path.write_bytes(content)


@pytest.fixture
def originals(place: tuple[Settings, Damage]) -> Iterator[OriginalStore]:
    with opened_originals(place[0], an_installation()) as opened:
        yield opened


@pytest.fixture
def damage(place: tuple[Settings, Damage]) -> Damage:
    return place[1]


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def keep(originals: OriginalStore, content: bytes) -> str:
    with originals.stage(BytesIO(content), max_bytes=len(content)) as staged:
        staged.keep()
    return staged.content_sha256


def read(originals: OriginalStore, content_sha256: str) -> bytes:
    with originals.local_copy(content_sha256) as path:
        return path.read_bytes()


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_kept_bytes_are_found_by_their_hash(originals: OriginalStore) -> None:
    with originals.stage(BytesIO(b"hello"), max_bytes=10) as staged:
        assert staged.content_sha256 == sha256_of(b"hello")
        assert staged.size_bytes == 5
        assert staged.path.read_bytes() == b"hello"
        staged.keep()
    assert read(originals, staged.content_sha256) == b"hello"


def test_bytes_that_are_not_kept_leave_nothing(originals: OriginalStore, tmp_path: Path) -> None:
    with originals.stage(BytesIO(b"hello"), max_bytes=10) as staged:
        pass
    assert files_below(tmp_path) == []
    assert list(originals.kept()) == []
    with pytest.raises(OriginalMissing):
        read(originals, staged.content_sha256)


def test_too_many_bytes_are_refused_and_leave_nothing(
    originals: OriginalStore, tmp_path: Path
) -> None:
    with pytest.raises(FileTooLarge), originals.stage(BytesIO(b"x" * 11), max_bytes=10):
        pass
    assert files_below(tmp_path) == []


def test_no_bytes_are_refused(originals: OriginalStore) -> None:
    with pytest.raises(EmptyFile), originals.stage(BytesIO(b""), max_bytes=10):
        pass


def test_keeping_twice_and_deleting_twice_is_harmless(originals: OriginalStore) -> None:
    for _ in range(2):
        kept = keep(originals, b"hello")
    assert read(originals, kept) == b"hello"
    for _ in range(2):
        originals.delete(kept)
    with pytest.raises(OriginalMissing):
        read(originals, kept)


@pytest.mark.parametrize("damaged", [b"hellO", b"hell", b"", b"hello, and more"])
def test_the_same_bytes_again_mend_what_is_damaged(
    originals: OriginalStore, damage: Damage, damaged: bytes
) -> None:
    kept = keep(originals, b"hello")
    damage(kept, damaged)
    with originals.stage(BytesIO(b"hello"), max_bytes=9) as staged:
        staged.send_ahead(lambda: None)
        staged.keep()
    assert read(originals, kept) == b"hello"
    with originals.stage(BytesIO(b"hello"), max_bytes=9) as staged:
        assert not staged.send_ahead(lambda: pytest.fail("nothing is to be sent"))


def test_what_is_sent_before_its_transaction_is_noted_before_it_is_there(
    originals: OriginalStore,
) -> None:
    there: list[bool] = []
    with originals.stage(BytesIO(b"hello"), max_bytes=9) as staged:
        sent = staged.send_ahead(lambda: there.append(any(originals.kept())))
        assert any(originals.kept()) == sent == bool(there)
    assert not any(there)


def test_a_deletion_while_the_same_bytes_are_staged_does_not_take_them(
    originals: OriginalStore,
) -> None:
    first = keep(originals, b"hello")
    with originals.stage(BytesIO(b"hello"), max_bytes=10) as second:
        second.send_ahead(lambda: None)
        originals.delete(first)
        second.keep()
    assert read(originals, first) == b"hello"


def test_what_was_read_before_is_gone_when_it_is_deleted(
    originals: OriginalStore, tmp_path: Path
) -> None:
    kept = keep(originals, b"read, then deleted")
    assert read(originals, kept)
    originals.delete(kept)
    with pytest.raises(OriginalMissing):
        read(originals, kept)
    assert files_below(tmp_path) == []


def test_who_has_opened_a_copy_reads_on_after_its_deletion(originals: OriginalStore) -> None:
    kept = keep(originals, b"hello")
    with originals.local_copy(kept) as path:
        opened = path.open("rb")
    originals.delete(kept)
    with opened:
        assert opened.read() == b"hello"


def test_all_that_is_kept_is_listed_in_the_order_of_the_hashes(originals: OriginalStore) -> None:
    hashes = [keep(originals, f"file {number}".encode()) for number in range(30)]
    listed = list(originals.kept())
    assert [one.content_sha256 for one in listed] == sorted(hashes)
    assert all(0 <= one.age_s < 3600 for one in listed)


def test_what_is_received_is_ones_own_while_others_clear_what_was_left(
    originals: OriginalStore,
) -> None:
    with originals.receive() as intake:
        incoming = intake.new_file(max_bytes=100)
        incoming.write(b"first half, ")
        originals.clear_staging()
        incoming.write(b"second half")
        staged = incoming.finish()
        staged.keep()
    assert read(originals, staged.content_sha256) == b"first half, second half"


def test_many_read_the_same_bytes_at_once(originals: OriginalStore) -> None:
    content = b"0123456789abcdef" * 40_000
    kept = keep(originals, content)
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda _: read(originals, kept), range(32)))
    assert found == [content] * 32


def test_a_store_that_is_there_answers(originals: OriginalStore) -> None:
    originals.ping()
