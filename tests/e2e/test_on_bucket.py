"""The real server with its originals in a bucket, and what happens while the bucket is away."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.bucket import SECRET, Bucket, BucketServer
from tests.conftest import ROOT
from tests.doubles.unreliable_way import UnreliableWay, unreliable_way
from tests.e2e.server import LecternServer
from tests.e2e.test_mail_attachments import FERRY, MENU, TRIP, family
from tests.scraping import Scraped

MakeDataDir = Callable[[], Path]

SAMPLE = (ROOT / "docs/sample/lighthouse.pdf").read_bytes()
LIMIT_S = 60.0


@dataclass
class World:
    """A server, and the way from it to its bucket."""

    server: LecternServer
    bucket: Bucket
    way: UnreliableWay

    def stored(self) -> set[str]:
        """The hashes of what is in the bucket."""
        return {key.removeprefix("originals/") for key in self.bucket.names()}

    def listed(self) -> list[str]:
        """The names of all documents."""
        found = self.server.http.get("/documents").json()["documents"]
        return [document["filename"] for document in found]

    def passing(self) -> list[Path]:
        """What of originals is on this machine."""
        found = (self.server.data_dir / "passing").rglob("*")
        return [path for path in found if path.is_file() and path.suffix != ".lock"]


@pytest.fixture(scope="module")
def running(make_data_dir: MakeDataDir, bucket_server: BucketServer) -> Iterator[World]:
    bucket = bucket_server.new_bucket()
    with unreliable_way(bucket_server.url) as way:
        settings = bucket.settings(endpoint=way.url)
        with LecternServer(make_data_dir(), LECTERN_OCR="off", **settings) as server:
            yield World(server, bucket, way)
            way.restore()


@pytest.fixture
def world(running: World) -> Iterator[World]:
    """Without documents, before and after."""
    running.way.restore()
    yield running
    running.way.restore()
    for document in running.server.http.get("/documents").json()["documents"]:
        running.server.http.delete(f"/documents/{document['id']}").raise_for_status()
    assert running.stored() == set()


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def wait_until(is_so: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def test_a_documents_life_leaves_nothing_in_the_data_folder(world: World) -> None:
    server = world.server
    assert server.http.get("/readyz").json()["checks"]["originals"] == "ok"
    document = server.add("lighthouse.pdf", SAMPLE)
    assert document["status"] == "ready"
    assert world.stored() == {sha256_of(SAMPLE)}
    answer = server.chat("When is the lens cleaned?")
    [cited, *_] = answer["citations"]
    assert cited["document_id"] == document["id"]
    path = f"/documents/{document['id']}"
    before = world.way.answered_bytes
    pages = [f"{path}/pages/{cited['page']}.png", *(f"{path}/pages/{n}.png" for n in (1, 2, 3))]
    for page in pages:
        picture = server.http.get(page)
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
    assert server.http.get(f"{path}/content").content == SAMPLE
    # Fetched once for all of these.
    assert len(SAMPLE) < world.way.answered_bytes - before < 2 * len(SAMPLE)
    assert server.http.delete(path).json()["verified"]
    assert world.stored() == set()
    assert world.passing() == []
    assert not (server.data_dir / "originals").exists()


def test_what_is_attached_to_a_mail_comes_into_the_bucket_and_leaves_it_too(world: World) -> None:
    parent = world.server.add("trip.eml", TRIP)
    children = family(world.server, parent["id"])
    assert {one["status"] for one in children.values()} == {"ready"}
    assert world.stored() == {sha256_of(content) for content in (TRIP, FERRY, MENU)}
    world.server.http.delete(f"/documents/{parent['id']}")
    assert world.stored() == set()
    assert world.passing() == []


def test_what_a_refused_upload_sent_ahead_is_removed(world: World) -> None:
    missing = world.server.http.put(
        "/documents/00000000-0000-4000-8000-000000000009",
        files={"file": ("lighthouse.pdf", SAMPLE)},
    )
    assert missing.status_code == 404
    assert world.way.sent_bytes > len(SAMPLE)
    assert world.stored() == set()


@pytest.mark.parametrize("fault", ["refused", "busy", "broken off"])
def test_an_upload_while_the_bucket_is_away_is_refused_whole_and_works_later(
    world: World, fault: str
) -> None:
    if fault == "refused":
        world.way.refuse()
    elif fault == "busy":
        world.way.answer(503, "SlowDown")
    else:
        world.way.cut_sending_after(len(SAMPLE) // 2)
    refused = world.server.upload("lighthouse.pdf", SAMPLE)
    assert (refused.status_code, refused.json()["error"]) == (503, "storage_unavailable")
    assert "Retry-After" in refused.headers
    assert world.listed() == []
    if fault != "broken off":
        ready = world.server.http.get("/readyz")
        # Another replica would do no better, and questions are answered.
        assert (ready.status_code, ready.json()["degraded"]) == (200, ["storage_unavailable"])
        assert world.bucket.name in ready.json()["checks"]["originals"]
        assert world.server.chat("When is the lens cleaned?")["state"] == "not_in_documents"
        figures = Scraped(world.server.http.get("/metrics").text)
        assert figures.has("lectern_originals_up")
        assert figures.value("lectern_originals_up") == 0
        assert figures.value("lectern_ready") == 1
        assert world.server.http.get("/healthz").status_code == 200
    world.way.restore()
    assert world.stored() == set()
    assert world.passing() == []
    assert world.server.add("lighthouse.pdf", SAMPLE)["status"] == "ready"
    assert world.server.http.get("/readyz").json()["degraded"] == []


def test_a_bucket_that_is_away_during_ingestion_delays_it(world: World) -> None:
    server = world.server
    with server.worker_held():
        document_id = server.upload("lighthouse.pdf", SAMPLE).json()["id"]
        world.way.refuse()
    wait_until(lambda: "The original could not be read" in server.log.read_text())
    assert server.http.get(f"/documents/{document_id}").json()["status"] != "failed"
    world.way.restore()
    assert server.wait_until_final(document_id)["status"] == "ready"
    assert server.chat("When is the lens cleaned?")["citations"]


def test_a_deletion_while_the_bucket_is_away_is_ended_later(world: World) -> None:
    server = world.server
    document_id = server.add("lighthouse.pdf", SAMPLE)["id"]
    world.way.refuse()
    refused = server.http.delete(f"/documents/{document_id}")
    assert (refused.status_code, refused.json()["error"]) == (503, "storage_unavailable")
    assert server.http.get(f"/documents/{document_id}").status_code == 404
    assert server.chat("When is the lens cleaned?")["citations"] == []
    world.way.restore()
    assert world.stored() == {sha256_of(SAMPLE)}
    server.stop()
    server.start()
    assert world.stored() == set()


@pytest.mark.parametrize("fault", ["refused", "busy", "silent"])
def test_a_server_that_starts_before_its_bucket_answers_says_so_and_goes_on_by_itself(
    world: World, fault: str
) -> None:
    server = world.server
    document_id = server.add("lighthouse.pdf", SAMPLE)["id"]
    world.way.refuse()
    assert server.http.delete(f"/documents/{document_id}").status_code == 503
    server.stop()
    world.way.restore()
    if fault == "refused":
        world.way.refuse()
    elif fault == "busy":
        world.way.answer(503, "SlowDown")
    else:
        world.way.hang()
    server.start("/healthz")
    ready = server.http.get("/readyz")
    assert ready.json()["degraded"] == ["storage_unavailable"]
    assert "bucket" in ready.json()["checks"]["originals"]
    assert server.upload("lighthouse.pdf", SAMPLE).status_code == 503
    assert world.listed() == []
    world.way.restore()
    wait_until(lambda: server.http.get("/readyz").json()["degraded"] == [])
    assert server.add("lighthouse.pdf", SAMPLE)["status"] == "ready"
    server.stop()
    server.start()  # which ends the deletion, that else waits for its minute


def test_an_upload_whose_server_is_killed_is_not_there_and_works_later(world: World) -> None:
    server = world.server
    world.way.hang()
    with ThreadPoolExecutor(1) as threads:
        upload = threads.submit(server.upload, "lighthouse.pdf", SAMPLE)
        wait_until(world.passing)
        server.kill()
        assert upload.exception() is not None
    world.way.restore()
    server.start()
    assert world.passing() == []
    assert world.listed() == []
    assert world.stored() == set()
    assert server.add("lighthouse.pdf", SAMPLE)["status"] == "ready"


def test_a_missing_original_fails_its_download_and_nothing_else(world: World) -> None:
    server = world.server
    document_id = server.add("lighthouse.pdf", SAMPLE)["id"]
    world.bucket.delete(f"originals/{sha256_of(SAMPLE)}")
    gone = server.http.get(f"/documents/{document_id}/content")
    assert (gone.status_code, gone.json()["error"]) == (503, "storage_unavailable")
    picture = server.http.get(f"/documents/{document_id}/pages/1.png")
    assert (picture.status_code, picture.json()["error"]) == (422, "original_missing")
    assert server.chat("When is the lens cleaned?")["citations"]


def test_doctor_and_the_start_name_what_is_wrong_and_never_a_secret(
    make_data_dir: MakeDataDir, bucket_server: BucketServer
) -> None:
    there = bucket_server.new_bucket().settings("team")
    nowhere = Bucket(bucket_server, "nobodys-bucket").settings()
    away = Bucket(bucket_server, "docs").settings(endpoint="http://127.0.0.1:1")
    with_key = {**there, "BLOB_URL": f"s3://{SECRET}@docs"}
    expected = {
        "✓ originals": (there, "/team"),
        "does not exist": (nowhere, "Make the bucket"),
        "cannot be reached": (away, "Check the endpoint"),
        "BLOB_URL has a user": (with_key, "Leave keys out"),
    }
    for said, (environment, hint) in expected.items():
        command = LecternServer(make_data_dir(), **environment)
        doctor = _run(command, "doctor")
        [line] = [one for one in doctor.splitlines() if " originals " in one]
        assert said in " ".join(line.split())
        assert hint in doctor
        assert SECRET not in doctor
        if environment is not nowhere:
            continue
        started = _run(command, "serve")
        assert said in started
        assert hint in started


def _run(command: LecternServer, name: str) -> str:
    """What the command says; a server that could start would run into the time limit."""
    done = subprocess.run(
        [sys.executable, "-m", "lectern", name],
        env=command.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr
