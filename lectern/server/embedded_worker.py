"""The ingestion worker as a child of the server: started, watched, restarted, stopped.

Three channels: a socket pair over which the worker writes nodes into the index that the server owns
(to a Qdrant server it writes by itself), another one over which it says now and then what it has
done, for /metrics, and its standard input, where a byte means "look at the queue" and the end means
that the server is gone.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from corpus.errors import StorageUnavailable
from corpus.index.gateway import serve_index
from corpus.index.port import NodeStore
from corpus.registry.database.engine import Registry
from corpus.registry.leases import release_jobs_of
from corpus.settings import Settings
from ingestion.worker.loop import worker_names_of
from lectern.server.metrics.told import LastTold

log = logging.getLogger("lectern.worker")

STOP_GRACE_S = 10.0
FIRST_RESTART_S = 0.5
LONGEST_RESTART_S = 30.0
STEADY_AFTER_S = 60.0  # a worker that lived this long did not fail at its start


class EmbeddedWorker:
    """Keeps one worker process alive between `start` and `stop`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._supervisor: threading.Thread | None = None
        self._told = LastTold()

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

    def figures(self) -> bytes:
        """What the process said last of its work, as Prometheus reads it; nothing at first."""
        return self._told.text

    def _supervise(self, registry: Registry, store: NodeStore) -> None:
        delay_s = FIRST_RESTART_S
        while not self._stopping.is_set():
            started_s = time.monotonic()
            ended_by = self._run_one(store)
            if self._process is not None:
                _queue_its_jobs_again(registry, self._process.pid)
            if self._stopping.is_set():
                return
            if time.monotonic() - started_s > STEADY_AFTER_S:
                delay_s = FIRST_RESTART_S
            log.error("the worker ended (%s); the next one starts in %.1f s", ended_by, delay_s)
            self._stopping.wait(delay_s)
            delay_s = min(LONGEST_RESTART_S, delay_s * 2)

    def _run_one(self, store: NodeStore) -> str:
        """Run a worker to its end, and say how it ended."""
        try:
            with _spawned(self._settings, store, self._told) as process:
                self._process = process
                if self._stopping.is_set() and process.stdin is not None:
                    process.stdin.close()
                code = process.wait()
        except OSError as error:  # no memory, no file descriptors: there may be some later
            return f"it could not be started: {error}"
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _queue_its_jobs_again(registry: Registry, pid: int) -> None:
    try:
        with registry.write() as connection:
            release_jobs_of(connection, worker_names_of(pid))
    except StorageUnavailable:
        # The jobs' leases end by themselves; the supervisor must not.
        log.exception("the jobs of the worker that ended could not be queued again")


@contextmanager
def _spawned(
    settings: Settings, store: NodeStore, told: LastTold
) -> Iterator[subprocess.Popen[bytes]]:
    ours, theirs = socket.socketpair()
    hearing, telling = socket.socketpair()
    environment = {**os.environ, "LECTERN_DATA_DIR": str(settings.data_dir.resolve())}
    fds = (theirs.fileno(), telling.fileno())
    with ours, theirs, hearing, telling:
        process = subprocess.Popen(  # noqa: S603  our own interpreter and module
            [
                *(sys.executable, "-m", "lectern", "worker"),
                *("--index-fd", str(fds[0]), "--figures-fd", str(fds[1])),
            ],
            stdin=subprocess.PIPE,
            pass_fds=fds,
            env=environment,
        )
        theirs.close()
        telling.close()
        told.listen(Connection(hearing.detach()))
        connection = Connection(ours.detach())
        gateway: threading.Thread | None = None
        if store.is_embedded:
            gateway = threading.Thread(target=serve_index, args=(store, connection), daemon=True)
            gateway.start()
        try:
            yield process
        finally:
            process.wait()
            if gateway is not None:
                gateway.join()
            connection.close()
