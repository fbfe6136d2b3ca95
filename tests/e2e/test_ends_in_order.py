"""Processes end with the one that they work for, and leave nothing behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lectern.server.data_dir import RunningServer, find_server, is_held
from tests.e2e.server import LecternServer
from tests.samples import files

MakeDataDir = Callable[[], Path]

LIMIT_S = 60.0
SHUTDOWN_LIMIT_S = 25.0  # ten seconds for requests, ten for the worker, some to spare


def wait_until(is_so: Callable[[], bool], said: str) -> None:
    deadline_s = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < deadline_s, said
        time.sleep(0.05)


def wait_for_server(data_dir: Path) -> RunningServer:
    wait_until(lambda: find_server(data_dir) is not None, "no server came up")
    server = find_server(data_dir)
    assert server is not None
    return server


def opened_by(pid: int) -> Iterator[str]:
    """What the process has open, also what has no name any more."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            yield str(link.readlink())


@pytest.mark.parametrize("signalled", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_command_that_is_ended_takes_its_own_server_along(
    make_data_dir: MakeDataDir, tmp_path: Path, signalled: signal.Signals
) -> None:
    data_dir = make_data_dir()
    long = tmp_path / "long.pdf"
    long.write_bytes(files.long_pdf(40, "copper"))
    command = subprocess.Popen(
        [sys.executable, "-m", "lectern", "add", long],
        env={**os.environ, "LECTERN_DATA_DIR": str(data_dir)},
    )
    server = wait_for_server(data_dir)
    command.send_signal(signalled)
    assert command.wait(SHUTDOWN_LIMIT_S) == -signalled
    try:
        wait_until(lambda: not is_held(data_dir), "its server lives on")
        wait_until(lambda: not Path(f"/proc/{server.pid}").exists(), "its server lives on")
    finally:
        if is_held(data_dir):
            os.kill(server.pid, signal.SIGKILL)


@pytest.mark.parametrize("at_work", [False, True])
def test_an_interrupt_from_the_terminal_ends_all_in_order(
    make_data_dir: MakeDataDir, tmp_path: Path, *, at_work: bool
) -> None:
    log = tmp_path / "log"
    server = LecternServer(make_data_dir())
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "lectern", "serve"],
            env=server.environment,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            process_group=0,
        )
    server.http.base_url = wait_for_server(server.data_dir).url
    wait_until(lambda: server.http.get("/readyz").is_success, "never ready")
    if at_work:
        document = server.upload("long.pdf", files.long_pdf(40, "copper")).json()
        wait_until(
            lambda: server.http.get(f"/documents/{document['id']}").json()["status"] != "queued",
            "never begun",
        )
    server.http.close()
    # At once after the start the worker is still loading, without a handler of its own.
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(SHUTDOWN_LIMIT_S) == 0
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)  # no process of the group is left
    said = log.read_text()
    assert "Traceback" not in said
    assert "the worker ended" not in said


def test_the_log_has_the_lines_of_the_worker_and_none_of_the_libraries(
    make_data_dir: MakeDataDir,
) -> None:
    with LecternServer(make_data_dir()) as server:
        document = server.add("a.txt", b"A coracle is a small round boat.")
    lines = server.log.read_text().splitlines()
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} INFO +"
    begun = re.compile(stamp + rf"lectern\.worker: ingesting document {document['id']}, .*")
    assert any(begun.fullmatch(line) for line in lines), lines
    assert any(re.fullmatch(stamp + r"uvicorn\.error: .*", line) for line in lines), lines
    greeting = r"Lectern serves .*|No keys are configured.*"
    ours = re.compile(rf"{greeting}|{stamp}(lectern|corpus|ingestion|service|uvicorn)\b.*")
    assert [line for line in lines if not ours.fullmatch(line)] == []


def test_an_upload_on_its_way_is_kept_in_the_data_folder(make_data_dir: MakeDataDir) -> None:
    with LecternServer(make_data_dir()) as server:
        staging = server.data_dir / "originals" / "staging"
        head = (
            "POST /documents HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n"
            "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
            '--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        )
        address = (server.http.base_url.host, server.http.base_url.port or 0)
        with socket.create_connection(address) as upload:
            upload.sendall(head.encode() + b"word " * 600_000)
            wait_until(
                lambda: any(name.startswith(str(staging)) for name in opened_by(server.pid)),
                "it is kept elsewhere, or in memory",
            )
            server.kill()
        server.start()
        assert list(staging.iterdir()) == []
        assert server.add("a.txt", b"A coracle is a small round boat.")["status"] == "ready"
