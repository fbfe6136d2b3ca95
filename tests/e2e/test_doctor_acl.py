"""`lectern doctor --acl` passes on a real server, and sees leaks that are built in."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.doubles.leaking_proxy import leaking_proxy
from tests.e2e.keys import lectern_keys, operator
from tests.e2e.server import LecternServer


@pytest.fixture(scope="module")
def server(make_data_dir: Callable[[], Path]) -> Iterator[LecternServer]:
    with LecternServer(make_data_dir(), LECTERN_OCR="off") as running:
        running.add("opening.txt", b"The museum opens at nine.")
        yield running


@pytest.fixture(scope="module")
def key(server: LecternServer) -> str:
    return lectern_keys(server.data_dir, "create", "acl", "--scope", "admin", "--on-behalf-of")


def doctor(server: LecternServer, *options: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "lectern", "doctor", "--acl", *options],
        env={**server.environment, **environment},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def planted(server: LecternServer) -> list[str]:
    listed = server.http.get("/collections", headers=operator(server)).json()["collections"]
    return [one["name"] for one in listed if one["name"].startswith("acl-check-")]


def test_a_server_keeps_what_is_private(server: LecternServer, key: str) -> None:
    code, said = doctor(server)
    assert code == 0, said
    assert "✗" not in said
    for surface in ("search", "chat", "explain", "counts", "mcp ask", "completions"):
        assert f"✓ {surface}" in said
    assert planted(server) == []


@pytest.mark.parametrize(
    ("method", "beginning", "surface"),
    [
        ("POST", "/search", "search"),
        ("GET", "/collections/", "counts"),
        ("POST", "/mcp", "mcp ask"),
        ("PATCH", "/documents", "change"),
        ("GET", "/metrics", "figures"),
    ],
)
def test_what_leaks_is_named(
    server: LecternServer, key: str, method: str, beginning: str, surface: str
) -> None:
    with leaking_proxy(server.url, method, beginning) as url:
        code, said = doctor(server, "--url", url, LECTERN_API_KEY=key)
    assert code == 1, said
    assert f"✗ {surface}" in said
    assert planted(server) == []


def test_a_key_that_may_not_ask_for_others_is_told_so(server: LecternServer, key: str) -> None:
    plain = lectern_keys(server.data_dir, "create", "plain-admin", "--scope", "admin")
    code, said = doctor(server, "--url", server.url, LECTERN_API_KEY=plain)
    assert (code, "--on-behalf-of" in said) == (1, True), said
    assert planted(server) == []


@pytest.mark.parametrize("signalled", [signal.SIGINT, signal.SIGKILL])
def test_what_it_planted_is_removed_also_when_it_is_interrupted(
    server: LecternServer, key: str, signalled: signal.Signals
) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "lectern", "doctor", "--acl"],
        env=server.environment,
        stdout=subprocess.DEVNULL,
    ) as process:
        deadline_s = time.monotonic() + 60
        while not planted(server) and time.monotonic() < deadline_s:
            time.sleep(0.05)
        process.send_signal(signalled)
        process.wait(60)
    if signalled == signal.SIGKILL:
        assert planted(server) != []
        assert doctor(server)[0] == 0
    assert planted(server) == []
