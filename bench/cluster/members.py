"""The processes of the cluster, each started again when it ends, as Kubernetes would."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import httpx

from bench.chaos.record import Record
from bench.processes import SeenProcess, process_tree
from bench.real_server import ServerFailedError

LOOK_EVERY_S = 0.1
AGAIN_S = 1.0
STOP_LIMIT_S = 90.0
PROBE_S = 15.0


class Member:
    """One process with a data folder of its own: `api-0`, `worker-1`.

    One that ends though nobody killed it is a violation. Use inside a `with`.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        data_dir: Path,
        settings: Mapping[str, str],
        record: Record,
    ) -> None:
        self.name = name
        self.log = data_dir.with_name(f"{name}.log")
        self.seen: set[SeenProcess] = set()
        self._command = [sys.executable, "-m", "lectern", *command]
        inherited = {one: value for one, value in os.environ.items() if one != "QDRANT_URL"}
        self._environment = {**inherited, "LECTERN_DATA_DIR": str(data_dir), **settings}
        self._record = record
        self._process: subprocess.Popen[bytes] | None = None
        self._was_killed = False
        self._ended = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name=name, daemon=True)

    def kill(self) -> None:
        """End it as a power cut would; it is started again."""
        self.look()
        self._was_killed = True
        if self._process is not None:
            self._process.kill()

    def kill_child(self) -> bool:
        """The same for one of its children, a parser; False when there is none."""
        return any(one.kill() for one in self.look()[1:])

    def look(self) -> list[SeenProcess]:
        """Its processes now, itself first; they are remembered in `seen`."""
        process = self._process
        found = [] if process is None or process.poll() is not None else process_tree(process.pid)
        self.seen.update(found)
        return found

    def __enter__(self) -> Self:
        self._start()
        self._keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ask it to end; what does not is killed, and a violation. Harmless a second time."""
        if self._ended.is_set():
            return
        self._ended.set()
        self._keeper.join()
        process = self._process
        if process is None:
            return
        self.look()
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            self._record.violation(f"{self.name} did not end within {STOP_LIMIT_S:.0f} s")
            return
        if code != 0:
            self._record.violation(f"{self.name} ended with exit code {code}: {self.log_tail()}")

    def log_tail(self, lines: int = 5) -> str:
        """The end of what it wrote."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdout=log, stderr=log
            )

    def _keep(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            process = self._process
            if process is None or process.poll() is None:
                continue
            if not self._was_killed:
                self._record.violation(
                    f"{self.name} ended by itself ({process.returncode}): {self.log_tail()}"
                )
            self._was_killed = False
            if not self._ended.wait(AGAIN_S):
                self._start()


class Replica(Member):
    """An API process without a worker; `port` stays the same over restarts."""

    def __init__(
        self, name: str, data_dir: Path, settings: Mapping[str, str], record: Record
    ) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        own = {**settings, "LECTERN_PORT": str(self.port)}
        super().__init__(name, ["serve", "--no-worker"], data_dir, own, record)

    def is_ready(self) -> bool:
        """Whether /readyz knows of nothing that is away, workers too; False when nobody answers."""
        try:
            url = f"http://127.0.0.1:{self.port}/readyz"
            said = httpx.get(url, timeout=PROBE_S, trust_env=False)
            return said.is_success and not said.json()["degraded"]
        except httpx.TransportError:
            return False


class WorkerMember(Member):
    """A worker of its own."""

    def __init__(
        self, name: str, data_dir: Path, settings: Mapping[str, str], record: Record
    ) -> None:
        super().__init__(name, ["worker"], data_dir, settings, record)


def wait_until_ready(replicas: Sequence[Replica], limit_s: float) -> float:
    """Wait for all of them, and a worker; the seconds it took. `ServerFailedError` after that."""
    started_s = time.monotonic()
    while not all(replica.is_ready() for replica in replicas):
        if time.monotonic() - started_s > limit_s:
            tails = "\n".join(f"{one.name}: {one.log_tail()}" for one in replicas)
            raise ServerFailedError(f"not ready after {limit_s:.0f} s:\n{tails}")
        time.sleep(LOOK_EVERY_S)
    return time.monotonic() - started_s
