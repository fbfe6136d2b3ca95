"""A real `lectern serve` process: started, killed, started again at the same address, stopped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from bench.processes import SeenProcess, process_tree

START_LIMIT_S = 120.0  # the first start ever builds the embedding's graph
STOP_LIMIT_S = 60.0
LOOK_EVERY_S = 0.02


class ServerFailedError(Exception):
    """The server did not start, or did not end; the message has the end of its log."""


class RealServer:
    """One server on one data folder; `url` stays the same over restarts."""

    def __init__(self, data_dir: Path, settings: Mapping[str, str] | None = None) -> None:
        self.data_dir = data_dir
        self.log = data_dir.with_name(f"{data_dir.name}.log")
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._environment = {
            **{name: value for name, value in os.environ.items() if name != "QDRANT_URL"},
            "LECTERN_DATA_DIR": str(data_dir),
            "LECTERN_PORT": str(port),
            **(settings or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The API process's id; the last one's while none runs."""
        if self._process is None:
            raise ServerFailedError("the server was never started")
        return self._process.pid

    def start(self) -> float:
        """Start it, and wait until it is ready; how long that took, in seconds."""
        started_s = time.monotonic()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "lectern", "serve"],
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        while time.monotonic() - started_s < START_LIMIT_S:
            if self._process.poll() is not None:
                raise ServerFailedError(f"the server ended:\n{self.log_tail()}")
            if self._is_ready():
                return time.monotonic() - started_s
            time.sleep(LOOK_EVERY_S)
        raise ServerFailedError(f"the server did not start:\n{self.log_tail()}")

    def is_running(self) -> bool:
        """Whether the API process runs."""
        return self._process is not None and self._process.poll() is None

    def processes(self) -> list[SeenProcess]:
        """The API process and its descendants now: worker, parser."""
        return process_tree(self.pid) if self.is_running() else []

    def kill(self) -> None:
        """End the API process as a power cut would; its children find out by themselves."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> int:
        """Ask it to end; its exit code. Harmless when it has ended."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerFailedError(f"the server did not stop:\n{self.log_tail()}") from None

    def log_tail(self, lines: int = 30) -> str:
        """The end of what it wrote."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=10.0, trust_env=False).is_success
        except httpx.TransportError:
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
