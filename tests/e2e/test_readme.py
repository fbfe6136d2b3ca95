"""Every command of the README is run, and what it shows there is what comes out."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.conftest import ROOT
from tests.e2e.server import START_LIMIT_S

ADDRESS = "http://127.0.0.1:8000"
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```console\n(.*?)```", README, flags=re.DOTALL)
PROGRAMS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
WITH_AN_LLM = re.findall(r"^LECTERN_LLM=\S+ .*make serve$", README, flags=re.MULTILINE)


@dataclass(frozen=True)
class Shown:
    """A command of the README, and the output shown under it (empty: not shown)."""

    command: str
    output: str


def shown_commands() -> Iterator[Shown]:
    for block in BLOCKS:
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield Shown(command, output)


SERVE, TEST, *SESSION = shown_commands()


@pytest.fixture(scope="module")
def served(make_data_dir: Callable[[], Path]) -> Iterator[tuple[str, dict[str, str]]]:
    """The README's first command, running: its address and the environment of the session."""
    data_dir = make_data_dir()
    environment = {
        **os.environ,
        "LECTERN_DATA_DIR": str(data_dir),
        "LECTERN_PORT": "0",
        "COLUMNS": "100",
    }
    with _serving(SERVE.command, environment) as line:
        address = re.search(r"http://\S+", line)
        assert address
        said = line.replace(str(data_dir), "lectern-data").replace(address[0], ADDRESS)
        assert said == SERVE.output
        deadline_s = time.monotonic() + START_LIMIT_S
        while not _is_ready(address[0]):
            assert time.monotonic() < deadline_s
            time.sleep(0.1)
        yield address[0], environment


@contextmanager
def _serving(command: str, environment: dict[str, str]) -> Iterator[str]:
    """Run a command that serves; the line in which it says where."""
    process = subprocess.Popen(
        command,
        shell=True,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        yield next(line for line in process.stdout if line.startswith("Lectern serves"))
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def _is_ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/readyz", trust_env=False).is_success
    except httpx.TransportError:
        return False


def test_the_first_two_commands_are_the_ones_promised() -> None:
    assert (SERVE.command, TEST.command) == ("make serve", "make test")
    # Running the tests from the tests would never end: what make would do has to do.
    planned = subprocess.run(
        ["make", "--dry-run", "test"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "-m pytest" in planned.stdout


def test_the_session_does_what_the_readme_shows(served: tuple[str, dict[str, str]]) -> None:
    address, environment = served
    assert len(SESSION) >= 12
    for shown in SESSION:
        command = shown.command.replace(ADDRESS, address)
        result = subprocess.run(
            command.replace(".venv/bin/lectern", f"{sys.executable} -m lectern"),
            shell=True,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
        assert result.stdout.strip(), command
        assert '"error":"' not in result.stdout, result.stdout
        if shown.output:
            assert _words(result.stdout) == _words(shown.output)


def test_the_programs_print_an_answer(served: tuple[str, dict[str, str]]) -> None:
    address, environment = served
    assert PROGRAMS
    # The session before has uploaded this; the same bytes are the same document.
    sample = {"file": (ROOT / "docs/sample/lighthouse.pdf").open("rb")}
    form = {"collection": "station"}
    with httpx.Client(base_url=address, trust_env=False) as http, sample["file"]:
        document = http.post("/documents", files=sample, data=form).json()
        deadline_s = time.monotonic() + START_LIMIT_S
        while http.get(f"/documents/{document['id']}").json()["status"] != "ready":
            assert time.monotonic() < deadline_s
            time.sleep(0.1)
    for program in PROGRAMS:
        result = subprocess.run(
            [sys.executable, "-c", program.replace(ADDRESS, address)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        assert "lighthouse.pdf, page" in result.stdout


@pytest.mark.parametrize("command", WITH_AN_LLM)
def test_the_commands_with_an_llm_serve_with_it(
    make_data_dir: Callable[[], Path], command: str
) -> None:
    environment = {
        **os.environ,
        "LECTERN_DATA_DIR": str(make_data_dir()),
        "LECTERN_PORT": "0",
    }
    with _serving(command, environment) as line:
        named = re.search(r"LECTERN_LLM=(\S+)", command)
        assert named
        assert line.rstrip().endswith(named[1])


def test_there_are_commands_with_an_llm() -> None:
    assert len(WITH_AN_LLM) == 4


def test_every_folder_and_file_that_the_readme_names_is_there() -> None:
    named = re.findall(r"^\| `([a-z]+/)` \|", README, flags=re.MULTILINE)
    named += re.findall(r"\]\(([^):]+)\)", README)
    assert len(named) >= 6
    assert [name for name in named if not (ROOT / name).exists()] == []


def _words(output: str) -> list[str]:
    """Lines are broken to the width of the terminal: the words are what is shown."""
    return output.split()
