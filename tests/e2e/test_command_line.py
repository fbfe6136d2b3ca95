from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import files
from tests.e2e.server import LecternServer

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


def test_a_file_that_fails_is_named_and_makes_the_command_fail(
    make_data_dir: MakeDataDir, boats: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.txt"
    empty.touch()
    scan = tmp_path / "scan.pdf"
    scan.write_bytes(files.scanned_pdf())
    added = lectern(make_data_dir(), "add", str(empty), str(boats), str(scan))
    assert added.returncode == 1
    assert "✗ empty.txt" in added.stdout
    assert "✓ boats.pdf" in added.stdout
    assert "✗ scan.pdf" in added.stdout
    assert "OCR" in added.stdout


def test_doctor_names_an_llm_that_does_not_answer(make_data_dir: MakeDataDir) -> None:
    examined = lectern(make_data_dir(), "doctor", LECTERN_LLM="http://127.0.0.1:9/v1")
    assert examined.returncode == 1
    assert "http://127.0.0.1:9/v1 does not answer" in examined.stdout


@pytest.mark.parametrize(
    ("arguments", "settings", "said"),
    [
        (["serve", "--host", "0.0.0.0"], {}, "no keys"),  # noqa: S104
        (["serve"], {"LECTERN_PORT": "70000"}, "LECTERN_PORT"),
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
