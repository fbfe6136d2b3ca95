"""The real server on a Postgres database, with its own index; everything is killed once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from corpus.registry.cursors import write_cursor
from tests.e2e.server import LecternServer
from tests.e2e.test_survives_being_killed import (
    expect_everything_once,
    upload_all,
    wait_for_stage,
)
from tests.postgres import OwnPostgres, new_database, own_postgres

MakeDataDir = Callable[[], Path]


@pytest.fixture(scope="module")
def database_server() -> Iterator[OwnPostgres]:
    with own_postgres() as started:
        yield started


def test_every_document_becomes_ready_whatever_is_killed(
    make_data_dir: MakeDataDir, database_server: OwnPostgres
) -> None:
    with (
        new_database(database_server.url) as url,
        LecternServer(make_data_dir(), DATABASE_URL=url) as server,
    ):
        ids = upload_all(server)
        boats = server.upload("boats.txt", b"A coracle is a small round boat.").json()["id"]
        wait_for_stage(server, ids["copper"], "parsing", "embedding", "ready")
        server.kill()
        server.start()
        wait_for_stage(server, ids["wheat"], "parsing", "embedding", "ready")
        for worker in server.children():
            os.kill(worker, signal.SIGKILL)
        wait_for_stage(server, ids["granite"], "parsing", "embedding", "ready")
        database_server.stop("immediate")
        unavailable = server.http.get("/documents")
        assert (unavailable.status_code, unavailable.json()["error"]) == (
            503,
            "storage_unavailable",
        )
        assert server.http.get("/readyz").status_code == 503
        assert server.http.get("/healthz").status_code == 200
        database_server.start()
        assert server.wait_until_final(boats)["status"] == "ready"
        answer = server.chat("What is a coracle?")
        assert answer["citations"][0]["document_id"] == boats
        assert server.http.delete(f"/documents/{boats}").json()["verified"]
        expect_everything_once(server, ids)
        assert not (server.data_dir / "registry.sqlite").exists()


def test_text_that_postgres_cannot_hold_is_no_outage(
    make_data_dir: MakeDataDir, database_server: OwnPostgres
) -> None:
    with (
        new_database(database_server.url) as url,
        LecternServer(make_data_dir(), DATABASE_URL=url) as server,
    ):
        cursor = write_cursor(datetime.now(UTC), "a\0b")
        for path in ("/documents", "/conversations"):
            for query in ("collection=a%00b", "parent_id=%00", f"cursor={cursor}"):
                assert server.http.get(f"{path}?{query}").status_code == 200
            for method in ("GET", "DELETE"):
                assert server.http.request(method, f"{path}/a%00b").status_code == 404
        ids = {"ids": ["a\0b", "x"]}
        assert server.http.post("/documents/lookup", json=ids).json() == {"documents": []}
        boats = server.add("boats.txt", b"A coracle is a small round boat.")
        answer = server.chat("What\0 is a coracle?\0")
        assert answer["citations"][0]["document_id"] == boats["id"]
        rating = {"answer_id": answer["answer_id"], "rating": "up", "comment": "\0"}
        assert server.http.post("/feedback", json=rating).status_code == 200
        said = server.http.get(f"/conversations/{answer['conversation_id']}").json()
        assert said["turns"][0]["comment"] == "\N{REPLACEMENT CHARACTER}"


def test_doctor_names_the_database_and_never_its_password(
    make_data_dir: MakeDataDir, database_server: OwnPostgres
) -> None:
    with new_database(database_server.url) as url:
        shown = url.replace("//lectern@", "//lectern:secretword@")
        away = shown.replace(f":{database_server.port}/", ":1/")
        said = {}
        for name, address in (("there", shown), ("away", away)):
            command = LecternServer(make_data_dir(), DATABASE_URL=address)
            done = subprocess.run(
                [sys.executable, "-m", "lectern", "doctor"],
                env=command.environment,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert "secretword" not in done.stdout + done.stderr
            said[name] = next(line for line in done.stdout.splitlines() if " registry " in line)
    assert said["there"].startswith("✓")
    assert "Postgres" in said["there"]
    assert said["away"].startswith("✗")
