"""A real `lectern serve` process for tests, and what a client does with it."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from corpus.values import FINAL_STATUSES

START_LIMIT_S = 90.0
READY_LIMIT_S = 180.0


class LecternServer:
    """Runs in a data folder inside a `with`; can be killed and started again."""

    def __init__(
        self, data_dir: Path, *options: str, command: str = "serve", **settings: str
    ) -> None:
        self.data_dir = data_dir
        self._command = (command, *options)
        self.environment = {
            **{name: value for name, value in os.environ.items() if name != "QDRANT_URL"},
            "LECTERN_DATA_DIR": str(data_dir),
            "LECTERN_PORT": "0",
            **settings,
        }
        self.log = data_dir.with_name(data_dir.name + ".log")
        self.http = httpx.Client(timeout=60.0, trust_env=False)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, until: str = "/readyz") -> Self:
        """Return once it answers there with success."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "lectern", *self._command],
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        deadline_s = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline_s:
            if self._process.poll() is not None:
                raise AssertionError(f"the server ended:\n{self.log.read_text()}")
            if self._answers(self._process.pid, until):
                return self
            time.sleep(0.05)
        raise AssertionError(f"the server did not start:\n{self.log.read_text()}")

    def _answers(self, pid: int, path: str) -> bool:
        try:
            said = json.loads((self.data_dir / "server.json").read_text())
            if said["pid"] != pid:
                return False
            self.http.base_url = said["url"]
            return self.http.get(path).is_success
        except (OSError, ValueError, httpx.TransportError):
            return False

    @property
    def url(self) -> str:
        return str(self.http.base_url).rstrip("/")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """End the API process as a power cut would; its children find out by themselves."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """Ask it to end; its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)

    def children(self) -> list[int]:
        """Process ids of the API's direct children: the worker."""
        found = []
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = status.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == self.pid:
                found.append(int(status.parent.name))
        return found

    @contextmanager
    def worker_held(self) -> Iterator[None]:
        """Meanwhile its worker does nothing, as if the machine were too busy for it."""
        # The other child, if any, draws pages.
        [worker] = [
            pid
            for pid in self.children()
            if b"--index-fd" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        # Not in the midst of a transaction: nobody else could write.
        with closing(sqlite3.connect(self.data_dir / "registry.sqlite", timeout=60)) as registry:
            registry.execute("BEGIN IMMEDIATE")
            os.kill(worker, signal.SIGSTOP)
            registry.rollback()
        try:
            yield
        finally:
            os.kill(worker, signal.SIGCONT)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self.stop()
        self.http.close()

    def upload(self, name: str, content: bytes, **form: str) -> httpx.Response:
        return self.http.post("/documents", files={"file": (name, content)}, data=form)

    def wait_until_final(self, document_id: str) -> dict[str, Any]:
        deadline_s = time.monotonic() + READY_LIMIT_S
        while time.monotonic() < deadline_s:
            document: dict[str, Any] = self.http.get(f"/documents/{document_id}").json()
            if document["status"] in FINAL_STATUSES:
                return document
            time.sleep(0.1)
        raise AssertionError(f"{document} is not final:\n{self.log.read_text()}")

    def add(self, name: str, content: bytes, **form: str) -> dict[str, Any]:
        """Upload and wait; the document in its final state."""
        response = self.upload(name, content, **form)
        assert response.status_code in {200, 202}, response.text
        return self.wait_until_final(response.json()["id"])

    def leave(
        self, path: str, body: Mapping[str, Any], *, when: Callable[[], bool], **headers: str
    ) -> None:
        """Post `body`, wait for no reply, and hang up as soon as `when` is true."""
        data = json.dumps(body).encode()
        lines = {"Host": "localhost", "Content-Type": "application/json", **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        head = f"POST {path} HTTP/1.1\r\n{head}Content-Length: {len(data)}\r\n\r\n"
        with socket.create_connection(
            (self.http.base_url.host, self.http.base_url.port or 80)
        ) as it:
            it.sendall(head.encode() + data)
            deadline_s = time.monotonic() + 20
            while not when():
                assert time.monotonic() < deadline_s
                time.sleep(0.02)

    def search(self, query: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401
        response = self.http.post("/search", json={"query": query, **options})
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    def chat(self, message: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401
        response = self.http.post("/chat", json={"message": message, **options})
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def chat_events(self, message: str, **options: Any) -> list[tuple[str, dict[str, Any]]]:  # noqa: ANN401
        """All server-sent events of a streamed answer."""
        events = []
        name = ""
        body = {"message": message, "stream": True, **options}
        with self.http.stream("POST", "/chat", json=body) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            for line in response.iter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    events.append((name, json.loads(line.removeprefix("data: "))))
        return events
