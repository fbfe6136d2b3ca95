"""What a real server, and its workers, say of themselves in figures and in their logs."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.deployed import alert_expressions, dashboard_expressions, labels_in, metrics_in
from tests.doubles.scripted_llm import MODEL, Reply, ScriptedLlm
from tests.e2e.server import LecternServer
from tests.postgres import OwnPostgres, new_database, own_postgres
from tests.scraping import Scraped

MakeDataDir = Callable[[], Path]
BOATS = b"A coracle is a small round boat. It is made of wicker."
PATIENCE_S = 20.0


def scraped(server: LecternServer) -> Scraped:
    response = server.http.get("/metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return Scraped(response.text)


def wait_until(server: LecternServer, holds: Callable[[Scraped], bool]) -> Scraped:
    deadline_s = time.monotonic() + PATIENCE_S
    while not holds(now := scraped(server)):
        assert time.monotonic() < deadline_s, server.http.get("/metrics").text
        time.sleep(0.2)
    return now


def entries(server: LecternServer) -> list[dict[str, Any]]:
    """What the server and its children said; whatever is no JSON fails, the greeting too."""
    return [json.loads(line) for line in server.log.read_text().splitlines()]


@pytest.fixture(scope="module")
def figures(make_data_dir: MakeDataDir) -> tuple[Scraped, Scraped]:
    """Of a server at its start, and after all sorts of requests."""
    usage = {"prompt_tokens": 50, "completion_tokens": 7, "total_tokens": 57}
    reply = Reply(pieces=("A coracle is a small round boat [1].",), usage=usage)
    with ScriptedLlm(reply) as llm:
        settings = {"LECTERN_LLM": llm.base_url, "LECTERN_LLM_MODEL": MODEL}
        with LecternServer(make_data_dir(), **settings) as server:
            before = wait_until(server, lambda now: now.has("lectern_ingestion_pages_total"))
            document = server.add("boats.txt", BOATS)
            server.upload("broken.pdf", b"%PDF-1.4 broken")
            server.chat("What is a coracle?")
            assert server.chat("Who won in Brazil?")["state"] == "not_in_documents"
            server.search("boat")
            for path in (f"/documents/{document['id']}", "/documents/unknown", "/nowhere/at/all"):
                server.http.get(path)
            server.http.request("BREW", "/documents")
            listing = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
            accept = {"Accept": "application/json, text/event-stream"}
            server.http.post("/mcp", json=listing, headers=accept).raise_for_status()
            now = wait_until(
                server,
                lambda now: (
                    now.value("lectern_ingestion_attempts_total", outcome="failed") == 1
                    and now.value("lectern_documents", status="failed") == 1
                ),
            )
    return before, now


def test_the_state_is_told(figures: tuple[Scraped, Scraped]) -> None:
    _, now = figures
    for up in ("ready", "registry_up", "index_up", "originals_up", "workers_alive"):
        assert now.value(f"lectern_{up}") == 1
    assert now.value("lectern_index_nodes") == now.value("lectern_index_nodes_expected") == 1
    assert now.value("lectern_index_bytes") > 1000
    assert now.value("lectern_data_disk_bytes") > now.value("lectern_data_disk_free_bytes") > 0
    assert now.value("lectern_llm_breaker_open") == 0
    assert now.has("lectern_llm_breaker_open")


def test_requests_are_told_by_their_routes(figures: tuple[Scraped, Scraped]) -> None:
    _, now = figures
    requests = "lectern_http_requests_total"
    uploads = {"method": "POST", "route": "/documents", "status": "202"}
    assert now.value(requests, **uploads) == 2
    one = {"method": "GET", "route": "/documents/{document_id}"}
    assert now.value(requests, **one, status="404") == 1
    assert now.value(requests, **one, status="200") >= 2
    assert now.value(requests, method="POST", route="/mcp", status="200") == 1
    assert now.value(requests, route="none", status="404") == 1
    assert now.value(requests, method="OTHER") == 1
    assert now.value("lectern_http_request_duration_seconds_count", route="/chat") == 2
    routes = now.labels(requests, "route")
    assert not any("unknown" in route or "nowhere" in route for route in routes)


def test_answers_are_told_with_what_they_took(figures: tuple[Scraped, Scraped]) -> None:
    _, now = figures
    assert now.value("lectern_answers_total", state="answered") == 1
    assert now.value("lectern_answers_total", state="not_in_documents") == 1
    assert now.value("lectern_answer_first_text_seconds_count") == 2
    assert now.value("lectern_answer_duration_seconds_count") == 2
    assert now.value("lectern_retrieval_duration_seconds_count") == 3
    assert now.value("lectern_llm_call_duration_seconds_count", outcome="ok") == 1
    assert now.value("lectern_llm_first_token_seconds_count") == 1
    assert now.value("lectern_llm_tokens_total", kind="prompt") == 50
    assert now.value("lectern_llm_tokens_total", kind="completion") == 7
    assert "total" not in now.labels("lectern_llm_tokens_total", "kind")


def test_what_the_worker_did_is_told_by_the_server(figures: tuple[Scraped, Scraped]) -> None:
    before, now = figures
    assert before.value("lectern_ingestion_pages_total") == 0
    assert now.value("lectern_ingestion_pages_total") == 1
    assert now.value("lectern_ingestion_chunks_total", embedding="new") == 1
    for stage in ("parsing", "chunking", "embedding", "indexing"):
        assert now.value("lectern_ingestion_stage_duration_seconds_count", stage=stage) == 1
    assert now.value("lectern_ingestion_attempts_total", outcome="live") == 1
    assert now.value("lectern_ingestion_attempts_total", code="broken_file") == 1
    assert now.value("lectern_jobs", state="queued") == 0
    assert now.value("lectern_documents", status="ready") == 1


@pytest.mark.parametrize("place", ["dashboard", "alerts"])
def test_what_is_shown_or_alerted_on_is_there(figures: tuple[Scraped, Scraped], place: str) -> None:
    _, now = figures
    expressions = dashboard_expressions() if place == "dashboard" else alert_expressions()
    assert expressions
    for expression in expressions:
        named = metrics_in(expression)
        assert named, expression
        assert named - now.names == set(), expression
        for metric, labels in labels_in(expression):
            known = now.labels_of(metric) | {"instance", "job", "le", "namespace"}
            assert not now.has(metric) or labels <= known, expression


def test_an_answer_without_its_llm_is_counted_as_degraded(make_data_dir: MakeDataDir) -> None:
    with ScriptedLlm(Reply(status=401)) as llm:
        settings = {"LECTERN_LLM": llm.base_url, "LECTERN_LLM_MODEL": MODEL}
        with LecternServer(make_data_dir(), **settings) as server:
            server.add("boats.txt", BOATS)
            server.chat_events("What is a coracle?")
            now = scraped(server)
    assert now.value("lectern_answers_degraded_total", reason="llm_unavailable") == 1
    assert now.value("lectern_llm_call_duration_seconds_count", outcome="failed") == 1


def test_one_search_follows_an_upload_into_the_worker(make_data_dir: MakeDataDir) -> None:
    with LecternServer(make_data_dir(), LECTERN_LOG_FORMAT="json", LECTERN_OCR="off") as server:
        file = {"file": ("boats.txt", BOATS)}
        headers = {"X-Request-ID": "upload-1"}
        document = server.http.post("/documents", files=file, headers=headers).json()
        server.wait_until_final(document["id"])
        pid, (worker_pid, *_) = server.pid, server.children()
    followed = [entry for entry in entries(server) if entry.get("request_id") == "upload-1"]
    # The audit log names what was changed in words of its own.
    of_it = [entry for entry in followed if entry["logger"] != "lectern.audit"]
    assert {entry["document_id"] for entry in of_it} == {document["id"]}
    said = {(entry["process"], entry["logger"]) for entry in followed}
    assert {(pid, "lectern.uploads"), (worker_pid, "lectern.worker")} <= said
    live = [entry for entry in followed if "is live" in entry["message"]]
    assert live
    assert live[0]["job_id"]
    assert any(entry["message"].startswith("Lectern serves") for entry in entries(server))
    assert "coracle" not in server.log.read_text()


@pytest.fixture(scope="module")
def database_server() -> Any:  # noqa: ANN401
    with own_postgres() as started:
        yield started


def test_without_the_database_the_other_figures_are_there(
    make_data_dir: MakeDataDir, database_server: OwnPostgres
) -> None:
    with (
        new_database(database_server.url) as url,
        LecternServer(make_data_dir(), DATABASE_URL=url) as server,
    ):
        server.add("boats.txt", BOATS)
        wait_until(server, lambda now: now.value("lectern_documents", status="ready") == 1)
        database_server.stop("immediate")
        now = wait_until(server, lambda now: now.value("lectern_registry_up") == 0)
        assert now.has("lectern_registry_up")
        assert not now.has("lectern_jobs")
        assert (now.value("lectern_ready"), now.value("lectern_index_up")) == (0, 1)
        assert now.value("lectern_index_nodes") == 1
        assert now.value("lectern_http_requests_total", route="/documents") == 1
        assert now.value("lectern_ingestion_pages_total") == 1
        database_server.start()
        wait_until(server, lambda now: now.value("lectern_registry_up") == 1)


def test_a_worker_of_its_own_serves_its_figures_from_its_start_on(tmp_path: Path) -> None:
    """Whatever its database does: this one takes connections and says nothing."""
    with socket.socket() as silent, socket.socket() as free:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        environment = {
            **os.environ,
            "LECTERN_DATA_DIR": str(tmp_path),
            "DATABASE_URL": f"postgresql://me@127.0.0.1:{silent.getsockname()[1]}/lectern",
            "QDRANT_URL": "http://127.0.0.1:1",
            "LECTERN_WORKER_METRICS_PORT": str(port),
        }
        worker = subprocess.Popen([sys.executable, "-m", "lectern", "worker"], env=environment)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
                wait_for_port(port)
                assert http.get("/healthz").json() == {"status": "ok"}
                assert http.get("/else").status_code == 404
                assert http.head("/healthz").headers["content-length"] == "16"
                now = Scraped(http.get("/metrics").text)
        finally:
            worker.kill()
            worker.wait()
    assert now.has("lectern_ingestion_attempts_total")
    assert now.value("lectern_worker_process_resident_memory_bytes") > 0


def wait_for_port(port: int) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert time.monotonic() < deadline_s
            time.sleep(0.1)
        else:
            return
