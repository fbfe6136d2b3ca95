"""`lectern backup` beside a working server, and `lectern restore`, killed at every moment."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.server import LecternServer
from tests.postgres import new_database

MakeDataDir = Callable[[], Path]
ISLANDS = {
    "fair": "The island of Fair has nineteen sheep and one lighthouse keeper named Moira.",
    "mull": "On Mull the ferry captain Anders rings a bronze bell every evening.",
    "skye": "Skye exports heather honey, and its bakery closes on Wednesdays.",
    "iona": "Iona keeps an organ that was built by Josef Kettle in 1911.",
}
QUESTIONS = {
    "fair": "How many sheep does Fair have?",
    "mull": "What does the ferry captain ring?",
    "skye": "When does the bakery close?",
    "iona": "Who built the organ of Iona?",
}


def command(data_dir: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "lectern", *arguments, "--data-dir", str(data_dir)]


def lectern(data_dir: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(data_dir, *arguments),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **settings},
    )


@dataclass
class MadeBackup:
    path: Path
    ids: dict[str, str]


@pytest.fixture(scope="module")
def made(make_data_dir: MakeDataDir, tmp_path_factory: pytest.TempPathFactory) -> MadeBackup:
    """A backup of four islands but `iona`, which was deleted, made while others come and go."""
    path = tmp_path_factory.mktemp("backups") / "islands.tar.gz"
    with LecternServer(make_data_dir()) as server:
        ids = {
            name: server.add(f"{name}.txt", text.encode())["id"] for name, text in ISLANDS.items()
        }
        server.http.delete(f"/documents/{ids.pop('iona')}")
        ended = threading.Event()
        traffic = threading.Thread(target=come_and_go, args=(server, ended))
        traffic.start()
        done = lectern(server.data_dir, "backup", str(path))
        ended.set()
        traffic.join()
        assert done.returncode == 0, done.stderr
        assert "3" in done.stdout
        assert server.search(QUESTIONS["fair"])["hits"]
    return MadeBackup(path, ids)


def come_and_go(server: LecternServer, ended: threading.Event) -> None:
    number = 0
    while not ended.is_set():
        number += 1
        response = server.upload(f"passing{number}.txt", f"Ship {number} is passing by.".encode())
        server.http.delete(f"/documents/{response.json()['id']}")


def expect_the_islands(server: LecternServer, ids: dict[str, str]) -> None:
    listed = server.http.get("/documents", params={"limit": 100}).json()["documents"]
    # What was on its way while the backup was made, the worker goes on with.
    for document in listed:
        server.wait_until_final(document["id"])
    assert set(ids.values()) <= {document["id"] for document in listed}
    for name, document_id in ids.items():
        answer = server.chat(QUESTIONS[name])
        assert answer["citations"][0]["document_id"] == document_id
        original = server.http.get(f"/documents/{document_id}/content")
        assert original.text == ISLANDS[name]
    assert server.chat(QUESTIONS["iona"])["state"] == "not_in_documents"
    assert server.http.get("/readyz").json()["status"] == "ready"


def test_what_was_backed_up_beside_traffic_answers_elsewhere(
    made: MadeBackup, make_data_dir: MakeDataDir
) -> None:
    data_dir = make_data_dir()
    done = lectern(data_dir, "restore", str(made.path))
    assert done.returncode == 0, done.stderr
    with LecternServer(data_dir) as server:
        expect_the_islands(server, made.ids)


def test_a_backup_is_a_tar_file_that_sha256sum_checks(made: MadeBackup, tmp_path: Path) -> None:
    with tarfile.open(made.path) as tar:
        tar.extractall(tmp_path, filter="data")
    checked = subprocess.run(
        ["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path, check=False
    )
    assert checked.returncode == 0
    assert (made.path.stat().st_mode & 0o077) == 0


def test_restoring_into_postgres_works_from_sqlite(
    made: MadeBackup, make_data_dir: MakeDataDir, postgres_server: str
) -> None:
    data_dir = make_data_dir()
    with new_database(postgres_server) as url:
        done = lectern(data_dir, "restore", str(made.path), DATABASE_URL=url)
        assert done.returncode == 0, done.stderr
        with LecternServer(data_dir, DATABASE_URL=url) as server:
            expect_the_islands(server, made.ids)
            running = lectern(data_dir, "restore", str(made.path), "--force", DATABASE_URL=url)
            assert running.returncode == 1
            assert "already serves" in running.stderr
            back = data_dir / "back.tar"
            assert lectern(data_dir, "backup", str(back), DATABASE_URL=url).returncode == 0
    sqlite = make_data_dir()
    assert lectern(sqlite, "restore", str(back)).returncode == 0
    with LecternServer(sqlite) as server:
        expect_the_islands(server, made.ids)


def test_a_backup_without_vectors_is_embedded_again(
    made: MadeBackup, make_data_dir: MakeDataDir
) -> None:
    first, second = make_data_dir(), make_data_dir()
    assert lectern(first, "restore", str(made.path)).returncode == 0
    small = first.parent / "small.tar"
    done = lectern(first, "backup", str(small), "--without-vectors")
    assert done.returncode == 0, done.stderr
    again = lectern(second, "restore", str(small))
    assert "answer when" in again.stdout
    with LecternServer(second) as server:
        expect_the_islands(server, made.ids)


def test_what_is_there_stays_unless_it_is_to_be_replaced(
    made: MadeBackup, make_data_dir: MakeDataDir
) -> None:
    data_dir = make_data_dir()
    with LecternServer(data_dir) as server:
        kept = server.add("own.txt", b"The attic holds forty-two barometers.")["id"]
        busy = lectern(data_dir, "restore", str(made.path), "--force")
        assert busy.returncode == 1
        assert "already serves" in busy.stderr
    refused = lectern(data_dir, "restore", str(made.path))
    assert refused.returncode == 1
    assert "--force" in refused.stderr
    with LecternServer(data_dir) as server:
        assert server.http.get(f"/documents/{kept}").status_code == 200
    assert lectern(data_dir, "restore", str(made.path), "--force").returncode == 0
    with LecternServer(data_dir) as server:
        expect_the_islands(server, made.ids)
        assert server.http.get(f"/documents/{kept}").status_code == 404
        found = server.search("barometers in the attic")["hits"]
        assert kept not in {hit["document_id"] for hit in found}


def test_a_disk_that_is_full_is_explained_and_nothing_is_left(
    make_data_dir: MakeDataDir, tmp_path: Path
) -> None:
    with LecternServer(make_data_dir()) as server:
        assert server.upload("long.txt", os.urandom(150_000).hex().encode()).is_success
        backup = command(server.data_dir, "backup", str(tmp_path / "b.tar"), "--without-vectors")
        full = subprocess.run(
            ["prlimit", f"--fsize={200_000}", *backup],
            capture_output=True,
            text=True,
            check=False,
        )
    assert full.returncode == 1
    assert "could not be written" in full.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_restore_killed_at_any_moment_leaves_the_old_or_the_new_and_works_again(
    made: MadeBackup, make_data_dir: MakeDataDir
) -> None:
    data_dir = make_data_dir()
    with LecternServer(data_dir) as server:
        kept = server.add("own.txt", b"The attic holds forty-two barometers.")["id"]
    for moment_s in (1.0, 1.6, 2.0, 2.4, 2.8, 3.2):
        process = subprocess.Popen(
            command(data_dir, "restore", str(made.path), "--force"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(moment_s)
        process.kill()
        process.wait()
    with LecternServer(data_dir) as server:
        if server.http.get(f"/documents/{kept}").status_code == 200:
            assert "barometers" in server.chat("What does the attic hold?")["answer"]
        else:
            expect_the_islands(server, made.ids)
    done = lectern(data_dir, "restore", str(made.path), "--force")
    assert done.returncode == 0, done.stderr
    assert not (data_dir / "restoring").exists()
    with LecternServer(data_dir) as server:
        expect_the_islands(server, made.ids)
