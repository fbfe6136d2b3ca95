"""The ingestion worker as a child of the server: started, watched, restarted, stopped.

Two channels: a socket pair over which the worker writes nodes into the index that the server owns,
and the worker's standard input, where a byte means "look at the queue" and the end means that the
server is gone.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from corpus.index.gateway import serve_index
from corpus.index.port import NodeStore
from corpus.registry.engine import Registry
from corpus.settings import Settings
from ingestion.queue import release_all

log = logging.getLogger("lectern.worker")

STOP_GRACE_S = 10.0
FIRST_RESTART_S = 0.5
LONGEST_RESTART_S = 30.0


class EmbeddedWorker:
    """Keeps one worker process alive between `start` and `stop`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._supervisor: threading.Thread | None = None

    def start(self, registry: Registry, store: NodeStore) -> None:
        """Start the worker and watch it from a thread of its own."""
        self._supervisor = threading.Thread(
            target=self._supervise, args=(registry, store), name="worker-supervisor", daemon=True
        )
        self._supervisor.start()

    def stop(self) -> None:
        """Let the worker hand back its job, then end it; kills what does not end in time."""
        self._stopping.set()
        process = self._process
        if process is not None:
            if process.stdin is not None:
                process.stdin.close()
            try:
                process.wait(STOP_GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()
        if self._supervisor is not None:
            self._supervisor.join()

    def wake(self) -> None:
        """Make an idle worker look at the queue now; harmless when there is none."""
        process = self._process
        if process is None or process.stdin is None:
            return
        try:
            process.stdin.write(b"\n")
            process.stdin.flush()
        except (OSError, ValueError):
            pass  # it is being restarted, and will look at the queue by itself

    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def _supervise(self, registry: Registry, store: NodeStore) -> None:
        delay_s = FIRST_RESTART_S
        while not self._stopping.is_set():
            with _spawned(self._settings, store) as process:
                self._process = process
                if self._stopping.is_set() and process.stdin is not None:
                    process.stdin.close()
                code = process.wait()
            with registry.write() as connection:
                released = release_all(connection)
            if self._stopping.is_set():
                return
            log.error(
                "the worker ended with %s; %d job(s) queued again, next worker in %.1f s",
                code if code >= 0 else signal.Signals(-code).name,
                released,
                delay_s,
            )
            self._stopping.wait(delay_s)
            delay_s = min(LONGEST_RESTART_S, delay_s * 2)


@contextmanager
def _spawned(settings: Settings, store: NodeStore) -> Iterator[subprocess.Popen[bytes]]:
    ours, theirs = socket.socketpair()
    environment = {**os.environ, "LECTERN_DATA_DIR": str(settings.data_dir.resolve())}
    with ours, theirs:
        process = subprocess.Popen(  # noqa: S603  our own interpreter and module
            [sys.executable, "-m", "lectern", "worker", "--index-fd", str(theirs.fileno())],
            stdin=subprocess.PIPE,
            pass_fds=[theirs.fileno()],
            env=environment,
        )
        theirs.close()
        connection = Connection(ours.detach())
        server = threading.Thread(
            target=serve_index, args=(store, connection), name="index-gateway", daemon=True
        )
        server.start()
        try:
            yield process
        finally:
            server.join()
            connection.close()
            process.wait()
