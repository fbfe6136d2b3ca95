from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.e2e.server import LecternServer
from tests.samples import files

MakeDataDir = Callable[[], Path]


def lectern(data_dir: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lectern", *arguments],
        env={
            **os.environ,
            "LECTERN_DATA_DIR": str(data_dir),
            "LECTERN_PORT": "0",
            "COLUMNS": "160",
            **settings,
        },
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.fixture
def boats(tmp_path: Path) -> Path:
    path = tmp_path / "boats.pdf"
    path.write_bytes(
        files.pdf([["Boats"], ["A coracle is a small round boat.", "It carries one person."]])
    )
    return path


def test_the_whole_story_without_a_running_server(make_data_dir: MakeDataDir, boats: Path) -> None:
    data_dir = make_data_dir()
    added = lectern(data_dir, "add", str(boats), "--collection", "fleet")
    assert added.returncode == 0, added.stderr
    assert "boats.pdf: 2 pages" in added.stdout

    answer = lectern(data_dir, "ask", "What is a coracle?", "--collection", "fleet")
    assert answer.returncode == 0, answer.stderr
    assert "A coracle is a small round boat. [1]" in answer.stdout
    assert "[1] boats.pdf, page 2" in answer.stdout

    listed = lectern(data_dir, "list")
    row = next(line for line in listed.stdout.splitlines() if "boats.pdf" in line)
    assert "fleet" in row
    assert "ready" in row

    removed = lectern(data_dir, "rm", row.split()[0])
    assert "verified" in removed.stdout
    assert "boats.pdf" not in lectern(data_dir, "list").stdout


def test_commands_use_the_running_server(make_data_dir: MakeDataDir, boats: Path) -> None:
    with LecternServer(make_data_dir()) as server:
        assert lectern(server.data_dir, "add", str(boats)).returncode == 0
        documents = server.http.get("/documents").json()["documents"]
        assert [document["filename"] for document in documents] == ["boats.pdf"]
        answer = lectern(server.data_dir, "ask", "What is a coracle?")
        assert "small round boat" in answer.stdout
        examined = lectern(server.data_dir, "doctor")
        assert examined.returncode == 0, examined.stdout
        assert server.url in examined.stdout
        assert "OCR" in examined.stdout
        assert "LibreOffice" in examined.stdout
        healthy = lectern(server.data_dir, *health_check())
        assert healthy.returncode == 0, healthy.stdout
    healthy = lectern(server.data_dir, *health_check())
    assert healthy.returncode == 1, healthy.stdout


def health_check() -> list[str]:
    """What the container asks of `lectern` to see whether it is healthy."""
    text = (ROOT / "deploy/Dockerfile").read_text()
    found = re.search(r"^HEALTHCHECK .*\\\n\s+CMD (\[.*\])", text, flags=re.MULTILINE)
    assert found
    program, *arguments = json.loads(found[1])
    assert program == "lectern"
    return [str(argument) for argument in arguments]


def test_every_file_has_an_outcome_also_when_one_is_a_copy_or_is_deleted_meanwhile(
    server: LecternServer, boats: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.pdf"
    copy.write_bytes(boats.read_bytes())
    long = tmp_path / "long.pdf"
    long.write_bytes(files.long_pdf(60, "copper"))
    adding = subprocess.Popen(
        [sys.executable, "-m", "lectern", "add", long, boats, copy, "--collection", "outcomes"],
        env=server.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline_s = time.monotonic() + 60
    while len(listed := listed_in(server, "outcomes")) < 2:
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    assert server.http.delete(f"/documents/{listed['long.pdf']}").is_success
    said, _ = adding.communicate(timeout=120)
    assert adding.returncode == 1
    marks = sorted(line[: line.index(":")] for line in said.splitlines())
    assert marks == ["✓ boats.pdf", "✓ copy.pdf", "✗ long.pdf"]


def listed_in(server: LecternServer, collection: str) -> dict[str, str]:
    """Ids by file name."""
    found = server.http.get("/documents", params={"collection": collection}).json()["documents"]
    return {document["filename"]: document["id"] for document in found}


def test_what_is_written_into_a_file_is_plain_text_in_whole_lines(
    server: LecternServer, tmp_path: Path
) -> None:
    note = tmp_path / f"{'long name ' * 12}.txt"
    note.write_text("A coracle is a small round boat that carries one person.")
    outputs = [
        lectern(server.data_dir, *command, "--collection", "plain", COLUMNS="40").stdout
        for command in (["add", str(note)], ["ask", "What is a coracle?"], ["list"])
    ]
    assert outputs[0] == f"✓ {note.name}: 1 page, 1 chunk\n"
    assert f"[1] {note.name}, page 1\n" in outputs[1]
    assert "“A coracle is a small round boat that carries one person.”\n" in outputs[1]
    assert f"{note.name}\n" in outputs[2]
    controls = {char for char in "".join(outputs) if unicodedata.category(char) == "Cc"}
    assert controls == {"\n"}


def test_a_narrow_terminal_shows_whole_ids(server: LecternServer) -> None:
    document = server.add("a.txt", b"A coracle is a small round boat.", collection="narrow")
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 40))
    environment = {name: value for name, value in server.environment.items() if name != "COLUMNS"}
    subprocess.run(
        [sys.executable, "-m", "lectern", "list", "--collection", "narrow"],
        env={**environment, "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        check=True,
        timeout=60,
    )
    assert document["id"] in os.read(ours, 65536).decode()
    os.close(ours)
    os.close(theirs)


def test_an_empty_setting_means_the_default(make_data_dir: MakeDataDir) -> None:
    empty = {"LECTERN_LLM": "", "LECTERN_EMBEDDING": "", "LECTERN_LOG_LEVEL": "", "QDRANT_URL": ""}
    examined = lectern(make_data_dir(), "doctor", **empty)
    assert examined.returncode == 0, examined.stdout + examined.stderr
    assert "extractive" in examined.stdout
    assert "Qdrant Edge" in examined.stdout


def test_a_file_that_fails_is_named_and_makes_the_command_fail(
    make_data_dir: MakeDataDir, boats: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.txt"
    empty.touch()
    scan = tmp_path / "scan.pdf"
    scan.write_bytes(files.scanned_pdf())
    paths = [str(path) for path in (empty, boats, scan)]
    added = lectern(make_data_dir(), "add", *paths, LECTERN_OCR="off")
    assert added.returncode == 1
    assert "✗ empty.txt" in added.stdout
    assert "✓ boats.pdf" in added.stdout
    assert "✗ scan.pdf" in added.stdout
    assert "OCR" in added.stdout


def test_doctor_names_an_llm_that_does_not_answer(make_data_dir: MakeDataDir) -> None:
    examined = lectern(
        make_data_dir(), "doctor", LECTERN_LLM="http://127.0.0.1:9/v1", LECTERN_LLM_MODEL="m"
    )
    assert examined.returncode == 1
    assert "http://127.0.0.1:9/v1 does not answer" in examined.stdout


@pytest.mark.parametrize(
    ("arguments", "settings", "said"),
    [
        (["serve", "--host", "0.0.0.0"], {}, "no keys"),  # noqa: S104
        (["serve"], {"LECTERN_PORT": "70000"}, "LECTERN_PORT"),
        (["serve"], {"LECTERN_LOG_LEVEL": "loud"}, "LECTERN_LOG_LEVEL"),
        (["add", "pyproject.toml", "-c", "a b"], {}, "name of a collection"),
        (["ask", " "], {}, "question is empty"),
        (["rm", "nothing-there"], {}, "no document nothing-there"),
        (["ask", "x", "--url", "http://127.0.0.1:9"], {}, "127.0.0.1:9"),
    ],
)
def test_a_mistake_is_explained_without_a_traceback(
    make_data_dir: MakeDataDir, arguments: list[str], settings: dict[str, str], said: str
) -> None:
    result = lectern(make_data_dir(), *arguments, **settings)
    assert result.returncode != 0
    assert said in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("command", [["worker"], ["serve", "--no-worker"]])
def test_a_worker_of_its_own_needs_stores_that_can_be_shared(
    tmp_path: Path, command: list[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lectern", *command, "--data-dir", str(tmp_path / "data")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "needs DATABASE_URL and QDRANT_URL" in done.stderr


def test_a_folder_is_added_and_added_again_without_sending_anything(
    server: LecternServer, tmp_path: Path
) -> None:
    folder = tmp_path / "notes"
    for number in range(30):
        path = folder / f"part{number % 3}" / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"Buoy number {number} is painted in its own colour.")
    (folder / "program.bin").write_bytes(bytes(range(256)) * 4)
    first = lectern(server.data_dir, "add", str(folder), "--collection", "folder")
    assert first.returncode == 0, first.stdout + first.stderr
    *outcomes, total = first.stdout.splitlines()
    assert sorted(outcomes) == sorted(
        f"✓ part{number % 3}/{number}.txt: 1 page, 1 chunk" for number in range(30)
    )
    assert total.startswith("31 files: ")
    assert "1 skipped" in total
    assert "30 ready" in total
    before = server.http.get("/documents", params={"collection": "folder", "limit": "500"}).json()

    (folder / "new.txt").write_text("This buoy is new.")
    again = lectern(server.data_dir, "add", str(folder), "--collection", "folder")
    assert again.returncode == 0, again.stdout
    *outcomes, total = again.stdout.splitlines()
    assert [line for line in outcomes if "already there" not in line] == [
        "✓ new.txt: 1 page, 1 chunk"
    ]
    assert "30 already there" in total
    after = server.http.get("/documents", params={"collection": "folder", "limit": "500"}).json()
    assert after["documents"][1:] == before["documents"]


def test_adding_a_folder_survives_a_restart_of_the_server_and_an_interruption(
    make_data_dir: MakeDataDir, tmp_path: Path
) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number:02}.pdf").write_bytes(files.long_pdf(4, f"subject {number}"))
    with LecternServer(make_data_dir(), LECTERN_MAX_WAITING="5") as server:
        adding = start_adding(server, folder)
        wait_for_documents(server, 4)
        adding.send_signal(signal.SIGINT)
        said, _ = adding.communicate(timeout=60)
        assert adding.returncode == 130
        assert "Interrupted." in said

        adding = start_adding(server, folder)
        wait_for_documents(server, 8)
        server.kill()
        server.start()
        said, _ = adding.communicate(timeout=150)
        assert adding.returncode == 0, said
        assert len(said.splitlines()) == 21
        documents = server.http.get("/documents", params={"limit": "500"}).json()["documents"]
        assert [document["status"] for document in documents] == ["ready"] * 20
        assert len({document["content_sha256"] for document in documents}) == 20


def start_adding(server: LecternServer, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "lectern", "add", folder],
        env=server.environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_for_documents(server: LecternServer, count: int) -> None:
    deadline_s = time.monotonic() + 60
    while len(server.http.get("/documents").json()["documents"]) < count:
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
