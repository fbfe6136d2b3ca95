from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.server import LecternServer
from tests.samples import files

MakeDataDir = Callable[[], Path]

SUBJECTS = ("copper", "wheat", "granite", "linen")


def upload_all(server: LecternServer) -> dict[str, str]:
    """Ids by subject, of documents that take a few seconds each."""
    return {
        subject: server.upload(f"{subject}.pdf", files.long_pdf(12, subject)).json()["id"]
        for subject in SUBJECTS
    }


def wait_for_stage(server: LecternServer, document_id: str, *stages: str) -> None:
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        if server.http.get(f"/documents/{document_id}").json()["status"] in stages:
            return
        time.sleep(0.02)
    raise AssertionError(f"never {stages}:\n{server.log.read_text()}")


def expect_everything_once(server: LecternServer, ids: dict[str, str]) -> None:
    for document_id in ids.values():
        document = server.wait_until_final(document_id)
        assert document["status"] == "ready", document
    listed = server.http.get("/documents").json()["documents"]
    assert sorted(document["id"] for document in listed) == sorted(ids.values())
    for subject, document_id in ids.items():
        found = server.search(f"{subject} station", top_k=50)
        ours = [hit for hit in found["hits"] if hit["document_id"] == document_id]
        spans = [(hit["page"], hit["start_char"]) for hit in ours]
        assert ours
        assert len(spans) == len(set(spans))
        # The receipt counts the nodes that the index really held.
        receipt = server.http.delete(f"/documents/{document_id}").json()
        document_chunks = next(
            document["chunks"] for document in listed if document["id"] == document_id
        )
        assert receipt["points_removed"] == document_chunks
        assert receipt["verified"]


@pytest.mark.parametrize("stage", ["parsing", "embedding"])
def test_a_killed_server_finishes_every_document_after_a_restart(
    make_data_dir: MakeDataDir, stage: str
) -> None:
    with LecternServer(make_data_dir()) as server:
        ids = upload_all(server)
        wait_for_stage(server, ids["copper"], stage, "ready")
        server.kill()
        server.start()
        expect_everything_once(server, ids)


def test_a_killed_worker_is_replaced_and_its_job_goes_on(make_data_dir: MakeDataDir) -> None:
    with LecternServer(make_data_dir()) as server:
        ids = upload_all(server)
        for document_id in list(ids.values())[:2]:
            wait_for_stage(server, document_id, "parsing", "embedding", "ready")
            for worker in server.children():
                os.kill(worker, signal.SIGKILL)
        expect_everything_once(server, ids)


def test_a_stopped_server_leaves_no_process_and_finishes_later(
    make_data_dir: MakeDataDir,
) -> None:
    with LecternServer(make_data_dir()) as server:
        ids = upload_all(server)
        wait_for_stage(server, ids["copper"], "embedding", "ready")
        workers = server.children()
        assert workers
        assert server.stop() == 0
        assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
        server.start()
        expect_everything_once(server, ids)


def test_the_children_of_a_killed_server_end_by_themselves(make_data_dir: MakeDataDir) -> None:
    with LecternServer(make_data_dir()) as server:
        upload_all(server)
        workers = server.children()
        server.kill()
        deadline_s = time.monotonic() + 30
        while any(_is_running(worker) for worker in workers):
            assert time.monotonic() < deadline_s, "the worker outlives its server"
            time.sleep(0.1)


def test_a_second_server_for_the_same_folder_is_refused_by_name(
    make_data_dir: MakeDataDir,
) -> None:
    with LecternServer(make_data_dir()) as server:
        second = LecternServer(server.data_dir)
        second.log = server.data_dir.with_name("second.log")
        with pytest.raises(AssertionError, match=f"process {server.pid}"):
            second.start()
        assert server.http.get("/healthz").is_success


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
