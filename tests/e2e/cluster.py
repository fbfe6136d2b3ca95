"""Real `lectern worker` processes, and what replicas share: a database, a Qdrant, a folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.doubles.cut_proxy import CutProxy
from tests.doubles.qdrant_over_http import QdrantOverHttp
from tests.e2e.server import LecternServer

MakeDataDir = Callable[[], Path]


class LecternWorker:
    """Runs in a data folder of its own inside a `with`."""

    def __init__(self, data_dir: Path, **settings: str) -> None:
        self.log = data_dir.with_name(data_dir.name + ".log")
        self._environment = {**os.environ, "LECTERN_DATA_DIR": str(data_dir), **settings}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def __enter__(self) -> Self:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "lectern", "worker"],
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        if self.is_alive:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(60)


@dataclass
class Cluster:
    """Two replicas of the service and two workers; Qdrant stands behind the proxy."""

    replicas: list[LecternServer]
    workers: list[LecternWorker]
    qdrant: QdrantOverHttp
    proxy: CutProxy
    database_url: str

    def points_of(self, document_id: str) -> int:
        """How many points Qdrant has of a document."""
        [name] = self.qdrant.created
        with self.qdrant.turn:
            points, _ = self.qdrant.local.scroll(name, limit=100_000)
        return sum((one.payload or {})["document_id"] == document_id for one in points)


@contextmanager
def cluster(
    make_data_dir: MakeDataDir, database_url: str, *, qdrant_is_away: bool = False
) -> Iterator[Cluster]:
    """A running cluster, ready unless Qdrant is away."""
    with ExitStack() as opened:
        qdrant = opened.enter_context(QdrantOverHttp())
        proxy = opened.enter_context(CutProxy(int(qdrant.url.rpartition(":")[2])))
        if qdrant_is_away:
            proxy.refuse()
        shared = {"DATABASE_URL": database_url, "QDRANT_URL": proxy.url}
        folders = [make_data_dir() for _ in range(4)]
        for folder in folders:
            (folder / "originals").symlink_to(_common(folders[0]))
        workers = [opened.enter_context(LecternWorker(one, **shared)) for one in folders[2:]]
        replicas = [LecternServer(one, "--no-worker", **shared) for one in folders[:2]]
        until = "/healthz" if qdrant_is_away else "/readyz"
        for replica in replicas:
            opened.callback(replica.__exit__, None, None, None)
            replica.start(until)
        yield Cluster(replicas, workers, qdrant, proxy, database_url)


def _common(beside: Path) -> Path:
    folder = beside.with_name(f"{beside.name}-originals")
    folder.mkdir(exist_ok=True)
    return folder
