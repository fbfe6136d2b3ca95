"""A Postgres server that becomes a standby, and one that takes its place."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest
from pydantic import SecretStr

from corpus.access import UNRESTRICTED
from corpus.errors import StorageUnavailable
from corpus.registry.database.engine import Registry
from corpus.registry.database.postgres import open_postgres_registry
from corpus.registry.new_versions import Content
from corpus.registry.uploads import Upload, accept_upload
from corpus.registry.wakeups import listening
from corpus.registry.workers import count_alive
from ingestion.worker.presence import present
from tests.doubles.unreliable_way import unreliable_way
from tests.postgres import OwnPostgres, own_postgres, own_standby

PATIENCE_S = 20.0
DATABASE = "postgres"
ANY = "?target_session_attrs=any"  # the way leads where it leads


@pytest.fixture
def primary() -> Iterator[OwnPostgres]:
    with own_postgres() as server:
        open_postgres_registry(SecretStr(server.url)).close()
        yield server


@pytest.fixture
def standby(primary: OwnPostgres) -> Iterator[OwnPostgres]:
    with own_standby(primary) as server:
        yield server


def read(registry: Registry) -> None:
    with registry.read() as connection:
        count_alive(connection)


def write(registry: Registry) -> None:
    with registry.write() as connection:
        content = Content("a" * 64, 1, "text/plain")
        accept_upload(connection, Upload("default", "f"), content, UNRESTRICTED)


def ping(registry: Registry) -> None:
    registry.ping()


@pytest.mark.parametrize("asking", [write, ping])
def test_connections_to_a_standby_are_left_for_the_server_that_writes(
    primary: OwnPostgres, standby: OwnPostgres, asking: Callable[[Registry], None]
) -> None:
    with unreliable_way(primary.url.removesuffix(f"/{DATABASE}")) as way:
        way.lead_to(standby.port)
        url = f"postgresql://lectern@127.0.0.1:{way.port}/{DATABASE}{ANY}"
        registry = open_postgres_registry(SecretStr(url))
        read(registry)
        with pytest.raises(StorageUnavailable, match="only accepts reading"):
            asking(registry)
        way.lead_to(primary.port)
        write(registry)
        registry.ping()
        registry.close()


def test_a_server_that_only_accepts_reading_is_not_taken_for_the_registry(
    primary: OwnPostgres,
) -> None:
    registry = open_postgres_registry(SecretStr(primary.url))
    write(registry)
    primary.demote()
    for asking in (read, write, ping):
        with pytest.raises(StorageUnavailable):
            asking(registry)
    with pytest.raises(StorageUnavailable, match="read-only"):
        open_postgres_registry(SecretStr(primary.url))
    primary.promote()
    for asking in (read, write, ping):
        asking(registry)
    registry.close()


def test_of_several_hosts_the_one_that_writes_is_used_and_then_the_next(
    primary: OwnPostgres, standby: OwnPostgres
) -> None:
    hosts = f"127.0.0.1:{standby.port},127.0.0.1:{primary.port}"
    url = SecretStr(f"postgresql://lectern@{hosts}/{DATABASE}")
    registry = open_postgres_registry(url)
    word = threading.Event()
    with present(registry, "worker"), listening(url, word.set):
        assert word.wait(PATIENCE_S)
        word.clear()
        write(registry)
        assert word.wait(PATIENCE_S)
        _await_replay(primary, standby)
        word.clear()
        primary.stop("immediate")
        standby.promote()
        assert word.wait(PATIENCE_S)  # it listens again, there
        with registry.read() as connection:
            assert count_alive(connection) == 1
        write(registry)
        registry.ping()
    primary.start()
    registry.close()


def _await_replay(primary: OwnPostgres, standby: OwnPostgres) -> None:
    with psycopg.connect(primary.url) as connection:
        found = connection.execute("SELECT pg_current_wal_flush_lsn()").fetchone()
    assert found is not None
    ends_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends_s:
        with psycopg.connect(standby.url) as connection:
            replayed = connection.execute(
                "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", [found[0]]
            ).fetchone()
        if replayed == (True,):
            return
        time.sleep(0.02)
    raise AssertionError("the standby does not follow")
