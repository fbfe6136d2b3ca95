"""Two replicas and two workers on one Postgres and one Qdrant, which is cut off and comes back."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from tests.doubles.qdrant_over_http import QdrantOverHttp
from tests.e2e.cluster import Cluster, LecternWorker, MakeDataDir, cluster
from tests.e2e.server import LecternServer
from tests.e2e.test_survives_being_killed import expect_everything_once, upload_all
from tests.postgres import new_database
from tests.samples import files
from tests.scraping import Scraped

COLLECTION_CALL = "/collections/{name}"


@pytest.fixture(scope="module")
def running(make_data_dir: MakeDataDir, postgres_server: str) -> Iterator[Cluster]:
    with (
        new_database(postgres_server) as url,
        cluster(make_data_dir, url) as started,
    ):
        yield started


def until(true: Callable[[], bool], what: str, limit_s: float = 60.0) -> None:
    deadline_s = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < deadline_s, what
        time.sleep(0.05)


def index_word(server: LecternServer) -> str:
    word: str = server.http.get("/readyz").json()["checks"]["index"]
    return word


def test_what_one_replica_does_holds_at_the_other(running: Cluster) -> None:
    first, second = running.replicas
    boats = first.add("boats.txt", b"A coracle is a small round boat of willow and hide.")
    assert boats["status"] == "ready"
    answer = second.chat("What is a coracle?")
    assert answer["citations"][0]["document_id"] == boats["id"]
    receipt = first.http.delete(f"/documents/{boats['id']}").json()
    assert receipt["verified"]
    assert receipt["points_removed"] == boats["chunks"]
    assert second.chat("What is a coracle?")["citations"] == []
    assert second.search("coracle")["hits"] == []
    assert running.points_of(boats["id"]) == 0


def test_the_collection_is_made_once_however_many_start(running: Cluster) -> None:
    [name] = running.qdrant.created
    assert name.startswith("lectern-")
    assert running.qdrant.counted()["DELETE", COLLECTION_CALL] == 0


def test_an_outage_is_said_waited_for_and_over_by_itself(running: Cluster) -> None:
    first, second = running.replicas
    boats = first.add("boats.txt", b"A coracle is a small round boat of willow and hide.")
    running.proxy.refuse()
    ids = upload_all(second)
    for replica in running.replicas:
        refused = replica.http.post("/chat", json={"message": "What is a coracle?"})
        assert (refused.status_code, refused.json()["error"]) == (503, "index_unavailable")
        assert "QDRANT_URL" in refused.json()["hint"]
        assert "Retry-After" in refused.headers
        assert replica.http.get("/healthz").status_code == 200
        assert replica.http.get("/readyz").status_code == 503
        assert "Qdrant does not answer" in index_word(replica)
    waiting = [second.http.get(f"/documents/{one}").json()["status"] for one in ids.values()]
    assert not {"ready", "failed"} & set(waiting)
    assert all(worker.is_alive for worker in running.workers)
    running.proxy.pass_on()
    for replica in running.replicas:
        until(lambda: index_word(replica) == "ok", "the index is not seen again")  # noqa: B023
    assert first.chat("What is a coracle?")["citations"][0]["document_id"] == boats["id"]
    assert first.http.delete(f"/documents/{boats['id']}").json()["verified"]
    for document_id in ids.values():
        assert second.wait_until_final(document_id)["status"] == "ready"
    expect_everything_once(first, ids)


def test_without_workers_servers_answer_and_stay_where_requests_come(
    make_data_dir: MakeDataDir, postgres_server: str
) -> None:
    with new_database(postgres_server) as url, QdrantOverHttp() as qdrant:
        shared = {"DATABASE_URL": url, "QDRANT_URL": qdrant.url}
        folder = make_data_dir()
        with LecternServer(make_data_dir(), "--no-worker", **shared) as server:
            (server.data_dir / "originals").rename(folder / "originals")
            (server.data_dir / "originals").symlink_to(folder / "originals")
            with LecternWorker(folder, **shared):
                server.add("boats.txt", b"A coracle is a small round boat of willow and hide.")
                assert server.http.get("/readyz").json()["degraded"] == []
            ready = server.http.get("/readyz")
            assert (ready.status_code, ready.json()["degraded"]) == (200, ["no_worker"])
            assert ready.json()["checks"]["worker"] == "no worker is alive"
            assert server.chat("What is a coracle?")["state"] == "answered"
            figures = Scraped(server.http.get("/metrics").text)
            assert figures.value("lectern_ready") == 1
            assert figures.value("lectern_workers_alive") == 0
            said = subprocess.run(
                [sys.executable, "-m", "lectern", "doctor", "--ready"],
                env=server.environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert (said.returncode, "no worker is alive" in said.stdout) == (0, True)


def test_connections_that_break_lose_and_double_nothing(running: Cluster) -> None:
    first, second = running.replicas
    cuts = running.proxy.cuts
    running.proxy.cut_every(3, after_bytes=60)
    ids = upload_all(first)
    statuses: list[str] = []
    while set(statuses) != {"ready"}:
        assert "failed" not in statuses
        running.proxy.cut_all()
        time.sleep(0.5)
        statuses = [second.http.get(f"/documents/{one}").json()["status"] for one in ids.values()]
    assert running.proxy.cuts > cuts
    running.proxy.pass_on()
    for document_id in ids.values():
        document = first.http.get(f"/documents/{document_id}").json()
        assert running.points_of(document_id) == document["chunks"]
    expect_everything_once(second, ids)


def test_a_document_that_is_deleted_while_qdrant_is_away_is_gone_at_once_and_then_for_good(
    running: Cluster,
) -> None:
    first, second = running.replicas
    tides = first.add("tides.txt", b"The neap tide is the weakest tide of the month.")
    running.proxy.refuse()
    refused = first.http.delete(f"/documents/{tides['id']}")
    assert (refused.status_code, refused.json()["error"]) == (503, "index_unavailable")
    assert second.http.get(f"/documents/{tides['id']}").status_code == 404
    running.proxy.pass_on()
    assert second.search("neap tide")["hits"] == []
    assert first.http.delete(f"/documents/{tides['id']}").json()["verified"]
    assert running.points_of(tides["id"]) == 0


def test_the_job_of_a_killed_worker_is_finished_by_another(running: Cluster) -> None:
    first, _ = running.replicas
    document_id = first.upload("slate.pdf", files.long_pdf(12, "slate")).json()["id"]
    killed: list[int] = []

    def kill_who_has_it() -> bool:
        with psycopg.connect(running.database_url) as connection:
            row = connection.execute(
                "SELECT worker FROM jobs WHERE state = 'running' AND document_id = %s",
                [document_id],
            ).fetchone()
        for worker in running.workers:
            if row is not None and f":{worker.pid}:" in row[0]:
                worker.kill()
                killed.append(worker.pid)
        return bool(killed)

    until(kill_who_has_it, "no worker had the job")
    document = first.wait_until_final(document_id)
    assert document["status"] == "ready"
    assert running.points_of(document_id) == document["chunks"]
    assert [worker.pid for worker in running.workers if not worker.is_alive] == killed


def test_who_starts_before_qdrant_serves_says_so_and_goes_on_by_itself(
    make_data_dir: MakeDataDir, postgres_server: str
) -> None:
    with (
        new_database(postgres_server) as url,
        cluster(make_data_dir, url, qdrant_is_away=True) as started,
    ):
        first, second = started.replicas
        for replica in started.replicas:
            unready = replica.http.get("/readyz")
            assert unready.status_code == 503
            assert "Qdrant does not answer" in unready.json()["checks"]["index"]
            assert "QDRANT_URL" in replica.log.read_text()
        boats = first.upload("boats.txt", b"A coracle is a small round boat.").json()["id"]
        assert started.qdrant.created == {}
        started.proxy.pass_on()
        assert second.wait_until_final(boats)["status"] == "ready"
        for replica in started.replicas:
            until(lambda: replica.http.get("/readyz").is_success, "never ready")  # noqa: B023
        assert second.chat("What is a coracle?")["citations"][0]["document_id"] == boats
        assert all(worker.is_alive for worker in started.workers)
