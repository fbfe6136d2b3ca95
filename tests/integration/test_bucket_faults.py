"""Originals in a bucket when the bucket, or the way to it, fails."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest

from corpus.errors import Misconfigured, OriginalMissing, StorageUnavailable
from corpus.originals.bucket.address import parse_blob_url
from corpus.originals.bucket.client import open_clients
from corpus.originals.bucket.copies import Copies
from corpus.originals.bucket.mark import BucketMark
from corpus.originals.bucket.objects import PART_BYTES, BucketObjects
from corpus.originals.bucket.store import BucketOriginals
from corpus.originals.open import (
    check_originals,
    opened_originals,
    originals_stay_as_versions,
)
from corpus.originals.port import OriginalStore
from corpus.ownership import Ownership
from corpus.settings import Settings
from lectern.commands.findings.contents import originals_reached
from tests.bucket import Bucket, BucketServer, own_bucket_server
from tests.doubles.unreliable_way import UnreliableWay, unreliable_way
from tests.installations import an_installation

OURS = an_installation()
LARGE = os.urandom(2 * PART_BYTES + 1000)  # goes in three parts


@dataclass
class World:
    """A store by way of something that can fail, and the bucket behind it."""

    settings: Settings
    originals: OriginalStore
    bucket: Bucket
    way: UnreliableWay

    def keep(self, content: bytes) -> str:
        with self.originals.stage(BytesIO(content), max_bytes=len(content)) as staged:
            staged.keep()
        return staged.content_sha256

    def read(self, content_sha256: str) -> bytes:
        with self.originals.local_copy(content_sha256) as path:
            return path.read_bytes()

    def staged_files(self) -> list[Path]:
        found = self.settings.data_dir.rglob("*")
        return [path for path in found if path.is_file() and path.suffix != ".lock"]


@pytest.fixture
def world(tmp_path: Path, bucket_server: BucketServer) -> Iterator[World]:
    bucket = bucket_server.new_bucket()
    with unreliable_way(bucket_server.url) as way:
        settings = settings_of(tmp_path, bucket.settings(endpoint=way.url))
        with opened_originals(settings, OURS) as originals:
            yield World(settings, originals, bucket, way)


def settings_of(data_dir: Path, environment: dict[str, str]) -> Settings:
    return Settings.model_validate({"data_dir": data_dir, **environment})


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_large_file_goes_in_parts_and_comes_back(world: World) -> None:
    kept = world.keep(LARGE)
    found = world.bucket.head(f"originals/{kept}")
    assert found["ContentLength"] == len(LARGE)
    assert found["ETag"].strip('"').endswith("-3")
    assert world.read(kept) == LARGE
    assert world.bucket.uploads() == []


@pytest.mark.parametrize("content", [b"a small file", LARGE], ids=["small", "large"])
@pytest.mark.parametrize("fault", ["refused", "busy"])
def test_what_cannot_be_sent_leaves_nothing_and_goes_the_next_time(
    world: World, fault: str, content: bytes
) -> None:
    world.way.refuse() if fault == "refused" else world.way.answer(503, "SlowDown")
    with pytest.raises(StorageUnavailable) as said:
        world.keep(content)
    assert ("cannot be reached" if fault == "refused" else "answered") in said.value.detail
    world.way.restore()
    assert world.bucket.names() == []
    assert world.staged_files() == []
    assert world.read(world.keep(content)) == content


def test_a_connection_that_breaks_in_the_middle_of_a_part_costs_that_part(world: World) -> None:
    world.way.cut_sending_after(PART_BYTES // 2, times=1)
    assert world.read(world.keep(LARGE)) == LARGE
    assert len(LARGE) < world.way.sent_bytes < len(LARGE) + 2 * PART_BYTES


def test_a_bucket_that_goes_away_in_the_middle_has_no_half_of_a_file(world: World) -> None:
    world.way.cut_sending_after(PART_BYTES // 2)
    with pytest.raises(StorageUnavailable):
        world.keep(LARGE)
    world.way.restore()
    assert world.bucket.names() == []
    assert world.read(world.keep(LARGE)) == LARGE


def test_an_answer_that_breaks_off_is_asked_for_again(world: World) -> None:
    kept = world.keep(LARGE)
    world.way.cut_answers_after(PART_BYTES, times=2)
    assert world.read(kept) == LARGE


def test_answers_that_always_break_off_are_an_outage_and_no_loss(world: World) -> None:
    kept = world.keep(LARGE)
    world.way.cut_answers_after(PART_BYTES)
    with pytest.raises(StorageUnavailable, match="could not be read"):
        world.read(kept)
    assert world.staged_files() == []
    world.way.restore()
    assert world.read(kept) == LARGE


def test_a_bucket_that_hangs_is_not_waited_for_for_long(world: World) -> None:
    kept = world.keep(b"hello")
    world.way.hang()
    with pytest.raises(StorageUnavailable, match="The bucket does not answer"):
        world.originals.ping()
    with pytest.raises(StorageUnavailable, match="takes too long"):
        world.originals.delete(kept)
    connections = world.way.connections
    for _ in range(3):
        with pytest.raises(StorageUnavailable, match="takes too long"):
            world.keep(b"another")
    assert world.way.connections == connections  # nobody waits for it again at once
    world.way.restore()
    world.originals.ping()
    world.originals.delete(kept)
    assert world.bucket.names() == []


def test_an_object_that_was_deleted_behind_our_back_is_missing(world: World) -> None:
    kept = world.keep(b"hello")
    world.bucket.delete(f"originals/{kept}")
    with pytest.raises(OriginalMissing, match="no longer stored"):
        world.read(kept)
    assert world.read(world.keep(b"hello")) == b"hello"


@pytest.mark.parametrize("damaged", [b"hel", b"", b"hellO"], ids=["cut", "empty", "changed"])
def test_an_object_of_other_bytes_is_not_given_out(world: World, damaged: bytes) -> None:
    kept = world.keep(b"hello")
    world.bucket.put(f"originals/{kept}", damaged)
    with pytest.raises(OriginalMissing, match="damaged") as said:
        world.read(kept)
    assert "Upload the file again" in said.value.hint
    assert world.staged_files() == []


def test_an_object_that_was_cut_is_mended_by_an_upload_of_the_same_bytes(world: World) -> None:
    kept = world.keep(b"hello")
    world.bucket.put(f"originals/{kept}", b"hel")
    world.keep(b"hello")
    assert world.read(kept) == b"hello"


def test_bytes_that_are_there_are_not_sent_again(world: World) -> None:
    world.keep(LARGE)
    before = world.way.sent_bytes
    world.keep(LARGE)
    assert world.way.sent_bytes - before < PART_BYTES // 10


def test_another_machine_reads_lists_and_deletes_what_this_one_kept(
    world: World, tmp_path: Path
) -> None:
    kept = world.keep(b"hello")
    elsewhere = settings_of(tmp_path / "elsewhere", world.bucket.settings())
    with opened_originals(elsewhere, OURS) as other:
        with other.local_copy(kept) as path:
            assert path.read_bytes() == b"hello"
        assert [one.content_sha256 for one in other.kept()] == [kept]
        other.delete(kept)
    with pytest.raises(OriginalMissing):
        world.read(kept)


def test_what_others_have_in_the_bucket_is_not_ours(world: World) -> None:
    strange = f"other/{sha256_of(b'x')}"
    world.bucket.put(strange, b"x")
    world.bucket.put("originals/readme.txt", b"x")
    kept = world.keep(b"hello")
    assert [one.content_sha256 for one in world.originals.kept()] == [kept]


def test_uploads_in_parts_that_were_interrupted_are_ended_once_they_are_old(
    world: World, tmp_path: Path
) -> None:
    ours, foreign = f"originals/{sha256_of(LARGE)}", "other/file"
    for key in (ours, foreign):
        world.bucket.begin_upload(key)
    address = parse_blob_url(world.bucket.settings()["BLOB_URL"])
    objects = BucketObjects(address, open_clients(address, world.settings))
    staging = tmp_path / "another"
    staging.mkdir()
    # The server for tests says that each began in 2010.
    copies = Copies(staging, limit_bytes=0)
    ownership = Ownership(BucketMark(objects), OURS)
    patient = BucketOriginals(objects, staging, copies, ownership, stale_upload_s=1e10)
    patient.clear_staging()
    assert sorted(world.bucket.uploads()) == sorted([ours, foreign])
    world.originals.clear_staging()
    assert world.bucket.uploads() == [foreign]


# As SeaweedFS listed them before it knew when uploads began (its issue 11301), and Go's zero time.
LISTED = (
    '<ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    "<IsTruncated>false</IsTruncated>"
    "<Upload><Key>originals/a</Key><UploadId>1</UploadId></Upload>"
    "<Upload><Key>originals/b</Key><UploadId>2</UploadId>"
    "<Initiated>0001-01-01T00:00:00Z</Initiated></Upload>{}</ListMultipartUploadsResult>"
)
OLD = (
    "<Upload><Key>originals/c</Key><UploadId>3</UploadId>"
    "<Initiated>2026-01-02T03:04:05.000Z</Initiated></Upload>"
)


@pytest.mark.parametrize(("more", "ended"), [("", 0), (OLD, 1)])
def test_uploads_of_which_the_server_does_not_say_when_they_began_stay(
    world: World, more: str, ended: int
) -> None:
    address = parse_blob_url(world.bucket.settings(endpoint=world.way.url)["BLOB_URL"])
    objects = BucketObjects(address, open_clients(address, world.settings))
    world.way.answer_with(LISTED.format(more))
    assert objects.abort_interrupted(after_s=0.0) == ended


@pytest.mark.parametrize(
    "listed",
    [
        LISTED.format(""),
        LISTED.format("<Upload><Key>originals/d</Key><Initiated/></Upload>"),
        LISTED.format(OLD).replace("2026-01-02T03:04:05.000Z", "yesterday"),
        "<html><body>Welcome to nginx!",
    ],
    ids=["no time", "an empty time", "no such time", "no xml"],
)
def test_what_a_server_lists_of_interrupted_uploads_ends_no_start(
    world: World, listed: str
) -> None:
    world.way.answer_with(listed)
    world.originals.clear_staging()


def test_more_objects_than_a_page_of_the_list_are_listed(world: World) -> None:
    hashes = sorted(sha256_of(str(number).encode()) for number in range(1100))
    for content_sha256 in hashes:
        world.bucket.put(f"originals/{content_sha256}", b"x")
    assert [one.content_sha256 for one in world.originals.kept()] == hashes


def test_encryption_is_asked_for(tmp_path: Path, bucket_server: BucketServer) -> None:
    bucket = bucket_server.new_bucket()
    environment = bucket.settings()
    environment["BLOB_URL"] += "&ssetype=aws:kms&kmskeyid=alias/docs"
    with opened_originals(settings_of(tmp_path, environment), OURS) as originals:
        for content in (b"hello", LARGE):
            with originals.stage(BytesIO(content), max_bytes=len(content)) as staged:
                staged.keep()
            found = bucket.head(f"originals/{staged.content_sha256}")
            assert found["ServerSideEncryption"] == "aws:kms"
            assert found["SSEKMSKeyId"].endswith("alias/docs")


@pytest.fixture(scope="module")
def guarded() -> Iterator[dict[str, dict[str, str]]]:
    """Environments with a bucket of a server that checks keys, by what the key is."""
    with own_bucket_server() as server:
        keys = {"right": server.new_key("s3:*"), "powerless": server.new_key()}
        bucket = server.new_bucket()
        server.require_keys()
        yield {name: {**bucket.settings(), **key} for name, key in keys.items()}


@pytest.mark.parametrize(
    ("key", "changed", "said", "hint"),
    [
        ("right", {"AWS_ACCESS_KEY_ID": "AKIAUNKNOWN"}, "does not know the access key", "AWS_ACC"),
        ("right", {"AWS_SECRET_ACCESS_KEY": "wrong"}, "not that of the access key", "AWS_SECRET"),
        ("powerless", {}, "may not do this", "list the bucket"),
    ],
)
def test_what_is_wrong_with_a_key_is_said(
    tmp_path: Path,
    guarded: dict[str, dict[str, str]],
    key: str,
    changed: dict[str, str],
    said: str,
    hint: str,
) -> None:
    with pytest.raises(StorageUnavailable, match=said) as refused:
        check_originals(settings_of(tmp_path, {**guarded[key], **changed}))
    assert hint in refused.value.hint


def test_where_amazons_own_settings_lead_is_asked_for_as_a_server_of_its_own(
    tmp_path: Path, bucket_server: BucketServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = bucket_server.new_bucket().settings()
    environment["BLOB_URL"], *_ = environment["BLOB_URL"].split("&endpoint=")
    monkeypatch.setenv("AWS_ENDPOINT_URL", bucket_server.url)
    # A host for each bucket, as Amazon has, would not be found.
    check_originals(settings_of(tmp_path, environment))


@pytest.mark.parametrize(("status", "stay"), [("Enabled", True), ("Suspended", False), ("", False)])
def test_it_is_known_whether_a_bucket_keeps_what_is_deleted(
    tmp_path: Path, bucket_server: BucketServer, status: str, *, stay: bool
) -> None:
    bucket = bucket_server.new_bucket()
    if status:
        bucket_server.client("s3").put_bucket_versioning(
            Bucket=bucket.name, VersioningConfiguration={"Status": status}
        )
    settings = settings_of(tmp_path, bucket.settings())
    assert originals_stay_as_versions(settings) is stay
    told = [(one.mark, "lifecycle rule" in one.hint) for one in originals_reached(settings)]
    assert told == [("ok", False), *([("note", True)] if stay else [])]


def test_who_may_not_ask_for_versions_hears_nothing_of_them(
    tmp_path: Path, guarded: dict[str, dict[str, str]]
) -> None:
    assert not originals_stay_as_versions(settings_of(tmp_path, guarded["powerless"]))


def test_half_of_a_key_is_told_before_anybody_is_asked(tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        settings = settings_of(tmp_path, {"BLOB_URL": "s3://docs", name: "x"})
        with pytest.raises(Misconfigured, match="one is set"):
            check_originals(settings)


def test_a_right_key_is_enough_for_everything(
    tmp_path: Path, guarded: dict[str, dict[str, str]]
) -> None:
    with opened_originals(settings_of(tmp_path, guarded["right"]), OURS) as originals:
        for content in (b"hello", LARGE):
            with originals.stage(BytesIO(content), max_bytes=len(content)) as staged:
                staged.keep()
            with originals.local_copy(staged.content_sha256) as path:
                assert path.read_bytes() == content
            originals.delete(staged.content_sha256)
        originals.clear_staging()
        assert list(originals.kept()) == []


@pytest.mark.parametrize(
    ("status", "code", "said", "hint"),
    [
        (403, "RequestTimeTooSkewed", "clock", "NTP"),
        (400, "ExpiredToken", "has expired", "AWS_SESSION_TOKEN"),
        (400, "AuthorizationHeaderMalformed", "another region", "AWS_REGION"),
        (507, "XMinioStorageFull", "is full", "Free space"),
        (403, "InvalidObjectState", "is archived", "Restore it there"),
        (418, "Teapot", "answered Teapot", "tried again"),
    ],
)
def test_what_the_server_says_is_said_with_what_to_do(
    world: World, status: int, code: str, said: str, hint: str
) -> None:
    world.way.answer(status, code)
    with pytest.raises(StorageUnavailable, match=said) as failed:
        world.originals.ping()
    assert hint in failed.value.hint
    with pytest.raises(StorageUnavailable):
        world.keep(b"hello")
    with pytest.raises(StorageUnavailable):
        list(world.originals.kept())


def test_a_bucket_may_be_away_at_the_start_but_not_wrong(
    tmp_path: Path, bucket_server: BucketServer
) -> None:
    away = Bucket(bucket_server, "docs").settings(endpoint="http://127.0.0.1:1")
    with (
        opened_originals(settings_of(tmp_path, away), OURS, may_be_away=True) as originals,
        pytest.raises(StorageUnavailable, match="cannot be reached"),
    ):
        originals.ping()
    nowhere = Bucket(bucket_server, "nobodys-bucket").settings()
    with (
        pytest.raises(StorageUnavailable, match="does not exist"),
        opened_originals(settings_of(tmp_path, nowhere), may_be_away=True),
    ):
        pass


def test_a_bucket_that_does_not_exist_is_named(tmp_path: Path, bucket_server: BucketServer) -> None:
    environment = Bucket(bucket_server, "nobodys-bucket").settings()
    settings = settings_of(tmp_path, environment)
    with (
        pytest.raises(StorageUnavailable, match=r"nobodys-bucket.*does not exist"),
        opened_originals(settings),
    ):
        pass
    assert list(tmp_path.iterdir()) == []
