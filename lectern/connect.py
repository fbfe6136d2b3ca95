"""Finding the server that a command talks to, or starting one for as long as the command runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from corpus.errors import Unavailable
from corpus.settings import Settings
from lectern.client import Client
from lectern.server.data_dir import RunningServer, find_server, is_held

START_LIMIT_S = 120.0  # the first start ever builds the embedding's graph
STOP_LIMIT_S = 30.0
LOOK_EVERY_S = 0.1


@contextmanager
def connected(settings: Settings, url: str | None) -> Iterator[Client]:
    """A client of the server at `url`, of the one that owns the data folder, or of our own."""
    if url is not None:
        yield from _used(Client(url, _given_key(settings)))
        return
    running = find_server(settings.data_dir)
    if running is not None:
        key = _key_for(settings, running)
        yield from _used(Client(running.url, key, find=lambda: _address(settings)))
        return
    with _own_server(settings) as own:
        yield from _used(Client(own.url, _key_for(settings, own), ends_with_us=True))


def _address(settings: Settings) -> tuple[str, str | None] | None:
    running = find_server(settings.data_dir)
    return None if running is None else (running.url, _key_for(settings, running))


def _given_key(settings: Settings) -> str | None:
    return settings.api_key.get_secret_value() if settings.api_key is not None else None


def _key_for(settings: Settings, server: RunningServer) -> str | None:
    """The key that was given; else the server's own, which goes to that server alone."""
    return _given_key(settings) or server.key


def _used(client: Client) -> Iterator[Client]:
    try:
        yield client
    finally:
        client.close()


@contextmanager
def _own_server(settings: Settings) -> Iterator[RunningServer]:
    environment = {
        **os.environ,
        "LECTERN_DATA_DIR": str(settings.data_dir.resolve()),
        "LECTERN_PORT": "0",
        # Not the operator's address: nobody else needs this server, and keys may be missing.
        "LECTERN_HOST": "127.0.0.1",
        "LECTERN_LOG_LEVEL": "error",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "lectern", "serve", "--until-stdin-ends"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        # Ctrl-C is for the command, which then stops its server in order.
        start_new_session=True,
    )
    assert process.stdin is not None  # noqa: S101  it was asked for
    try:
        yield _wait_until_ready(settings, process)
    finally:
        # The system closes it as well when this command is killed: no server is left behind.
        process.stdin.close()
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(settings: Settings, process: subprocess.Popen[bytes]) -> RunningServer:
    deadline_s = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline_s:
        if process.poll() is not None:
            raise Unavailable("Lectern could not start; the reason is above.")
        server = find_server(settings.data_dir)
        if server is not None and server.pid == process.pid and _is_ready(server.url):
            return server
        time.sleep(LOOK_EVERY_S)
    held = "held" if is_held(settings.data_dir) else "not held"
    raise Unavailable(f"Lectern did not start within {START_LIMIT_S:.0f} s (folder {held}).")


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5.0, trust_env=False).is_success
    except httpx.TransportError:
        return False
