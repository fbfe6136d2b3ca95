"""A server is ready while it answers, whoever else is away."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from corpus.errors import IndexSuperseded, IndexUnavailable
from corpus.originals.folder import FolderOriginals
from corpus.registry.database.engine import Registry, open_sqlite_registry
from corpus.registry.workers import beat, leave
from corpus.settings import Settings
from lectern.server.dependencies import dependencies_of
from service.readiness import Away, Dependency, look_at


class Index:
    """A store that only says whether it is there."""

    error: Exception | None = None

    def ping(self) -> None:
        if self.error is not None:
            raise self.error


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    opened = open_sqlite_registry(tmp_path / "registry.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def index() -> Index:
    return Index()


def a_server(
    registry: Registry,
    index: Index,
    tmp_path: Path,
    own_worker: bool | None = None,
    bucket: str | None = None,
) -> tuple[Dependency, ...]:
    return dependencies_of(
        Settings(BLOB_URL=bucket),
        registry,
        cast("Any", index),
        FolderOriginals(tmp_path / "originals"),
        own_worker_is_alive=None if own_worker is None else lambda: own_worker,
    )


def test_without_workers_elsewhere_a_server_is_ready_and_says_so(
    registry: Registry, index: Index, tmp_path: Path
) -> None:
    server = a_server(registry, index, tmp_path)
    alone = look_at(server)
    assert (alone.is_ready, alone.degraded) == (True, ["no_worker"])
    assert [one.name for one, away in alone.found if away is not None] == ["worker"]
    with registry.write() as connection:
        beat(connection, "w1")
    assert look_at(server).degraded == []
    with registry.write() as connection:
        leave(connection, "w1")
    assert look_at(server).degraded == ["no_worker"]


def test_a_worker_of_its_own_is_a_part_of_the_server(
    registry: Registry, index: Index, tmp_path: Path
) -> None:
    with registry.write() as connection:
        beat(connection, "the one that was killed a moment ago")
    assert look_at(a_server(registry, index, tmp_path, own_worker=True)).is_ready
    dead = look_at(a_server(registry, index, tmp_path, own_worker=False))
    assert (dead.is_ready, dead.degraded) == (False, [])


@pytest.mark.parametrize("error", [IndexUnavailable("away"), IndexSuperseded("another")])
def test_without_what_answers_stand_on_it_is_not(
    registry: Registry, index: Index, tmp_path: Path, error: IndexUnavailable
) -> None:
    index.error = error
    found = look_at(a_server(registry, index, tmp_path))
    assert not found.is_ready
    assert Away(error.code, error.detail) in [away for _, away in found.found]


@pytest.mark.parametrize(
    ("own_worker", "bucket", "is_ready"),
    [(True, None, False), (True, "s3://b", True), (None, None, True), (None, "s3://b", True)],
)
def test_without_its_own_folder_of_originals_it_is_not_and_without_one_for_all_it_is(
    registry: Registry,
    index: Index,
    tmp_path: Path,
    *,
    own_worker: bool | None,
    bucket: str | None,
    is_ready: bool,
) -> None:
    with registry.write() as connection:
        beat(connection, "w1")
    server = a_server(registry, index, tmp_path, own_worker, bucket)
    (tmp_path / "originals" / "staging").rmdir()
    found = look_at(server)
    assert found.is_ready == is_ready
    assert found.degraded == (["storage_unavailable"] if is_ready else [])


def test_all_are_asked_at_once() -> None:
    """Each waits for the other one to be asked."""
    met = threading.Barrier(2, timeout=30)

    def look() -> None:
        met.wait()

    assert look_at([Dependency("registry", look), Dependency("index", look)]).is_ready
