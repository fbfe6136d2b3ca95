"""A Postgres server that goes away, hangs or refuses: one error for callers, and recovery."""

# PT012: what is raised comes from the end of a unit of work as often as from a line in it.

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from corpus.access import UNRESTRICTED
from corpus.errors import Misconfigured, StorageUnavailable
from corpus.originals.folder import FolderOriginals
from corpus.registry.database.engine import Registry
from corpus.registry.database.postgres import POOL_OVERFLOW, POOL_SIZE, open_postgres_registry
from corpus.registry.new_versions import Content
from corpus.registry.uploads import Upload, accept_upload
from corpus.registry.workers import count_alive
from corpus.settings import Settings
from lectern.server.dependencies import dependencies_of
from lectern.server.starting import awaited_registry, while_starting
from service.readiness import NO_WORKER, WORKER, Dependency
from tests.postgres import OwnPostgres, new_database, own_postgres


@pytest.fixture(scope="module")
def server() -> Iterator[OwnPostgres]:
    with own_postgres() as started:
        yield started


@pytest.fixture
def registry(server: OwnPostgres) -> Iterator[Registry]:
    with new_database(server.url) as url:
        opened = open_postgres_registry(SecretStr(url))
        yield opened
        opened.close()


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_an_open_registry_says_so_while_the_server_is_away_and_works_when_it_is_back(
    server: OwnPostgres, registry: Registry, mode: str
) -> None:
    registry.ping()
    server.stop(mode)
    try:
        for unit in (registry.read, registry.write):
            with pytest.raises(StorageUnavailable), unit():
                pass
        with pytest.raises(StorageUnavailable):
            registry.ping()
    finally:
        server.start()
    registry.ping()


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_unit_that_is_under_way_when_the_server_goes_is_told_and_leaves_nothing(
    server: OwnPostgres, registry: Registry, mode: str
) -> None:
    try:
        with pytest.raises(StorageUnavailable), registry.write() as connection:  # noqa: PT012
            accept_upload(
                connection, Upload("default", "f"), Content("a" * 64, 1, "text/plain"), UNRESTRICTED
            )
            server.stop(mode)
    finally:
        server.start()
    with registry.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM documents")).scalar_one() == 0


def test_a_connection_that_the_server_ends_is_an_outage(
    server: OwnPostgres, registry: Registry
) -> None:
    with pytest.raises(StorageUnavailable), registry.write() as connection:  # noqa: PT012
        own = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with psycopg.connect(server.url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [own])
        connection.execute(text("SELECT 1"))
    registry.ping()


@pytest.mark.parametrize("setting", ["statement_timeout", "lock_timeout"])
def test_what_takes_too_long_is_an_outage(registry: Registry, setting: str) -> None:
    with registry.write() as connection:
        accept_upload(
            connection, Upload("default", "f"), Content("a" * 64, 1, "text/plain"), UNRESTRICTED
        )
    with registry.write() as holder:
        holder.execute(text("SELECT id FROM documents FOR UPDATE"))
        with pytest.raises(StorageUnavailable), registry.write() as waiter:  # noqa: PT012
            waiter.execute(text(f"SET LOCAL {setting} = '50ms'"))
            waiter.execute(text("SELECT id FROM documents FOR UPDATE"))
        holder.execute(text("SELECT 1"))


def test_a_deadlock_is_an_outage_for_one_of_the_two(registry: Registry) -> None:
    with registry.write() as connection:
        for name in ("a", "b"):
            accept_upload(
                connection, Upload(name, "f"), Content(name * 64, 1, "text/plain"), UNRESTRICTED
            )
    lock = text("SELECT id FROM documents WHERE collection = :name FOR UPDATE")
    both_hold_one = threading.Barrier(2)

    def cross(names: str) -> str:
        try:
            with registry.write() as connection:
                connection.execute(lock, {"name": names[0]})
                both_hold_one.wait()
                connection.execute(lock, {"name": names[1]})
        except StorageUnavailable as error:
            return error.detail
        return ""

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(cross, ["ab", "ba"]))
    assert said[0] == ""
    assert "another transaction" in said[1]


def test_more_units_at_once_than_connections_wait_and_then_are_refused(registry: Registry) -> None:
    with ExitStack() as held:
        for _ in range(POOL_SIZE + POOL_OVERFLOW):
            held.enter_context(registry.read())
        with pytest.raises(StorageUnavailable, match="connections"), registry.read():
            pass
    registry.ping()


def test_reading_is_on_one_snapshot_and_writes_nothing(registry: Registry) -> None:
    count = text("SELECT count(*) FROM collections")
    with registry.read() as reader:
        assert reader.execute(count).scalar_one() == 0
        with registry.write() as writer:
            accept_upload(
                writer, Upload("default", "f"), Content("a" * 64, 1, "text/plain"), UNRESTRICTED
            )
        assert reader.execute(count).scalar_one() == 0
    with pytest.raises(StorageUnavailable, match="reading"), registry.read() as reader:
        reader.execute(text("DELETE FROM jobs"))


def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    with pytest.raises(StorageUnavailable, match=r"127\.0\.0\.1:1/db") as refused:
        open_postgres_registry(SecretStr("postgresql://user:secretword@127.0.0.1:1/db"))
    assert "secretword" not in refused.value.detail + refused.value.hint


def test_of_several_hosts_the_one_that_answers_is_used(server: OwnPostgres) -> None:
    with new_database(server.url) as url:
        several = url.replace("@", "@127.0.0.1:1,")
        registry = open_postgres_registry(SecretStr(several))
        registry.ping()
        registry.close()
    with pytest.raises(StorageUnavailable, match=r"at 127\.0\.0\.1:1,127\.0\.0\.1:2/db") as refused:
        open_postgres_registry(SecretStr("postgresql://u:secretword@127.0.0.1:1,127.0.0.1:2/db"))
    assert "secretword" not in refused.value.detail + refused.value.hint


def test_a_database_that_cannot_hold_every_text_is_refused(server: OwnPostgres) -> None:
    with new_database(server.url, encoding="SQL_ASCII") as url, pytest.raises(Misconfigured):
        open_postgres_registry(SecretStr(url))


def test_a_user_who_may_not_make_tables_is_told_what_is_missing(server: OwnPostgres) -> None:
    with new_database(server.url) as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE ROLE guest LOGIN")
        with pytest.raises(Misconfigured, match="permission"):
            open_postgres_registry(SecretStr(url.replace("//lectern@", "//guest@")))
        connection.execute("DROP ROLE guest")


def test_a_ping_of_a_server_that_hangs_is_given_up(server: OwnPostgres, registry: Registry) -> None:
    registry.ping()
    postmaster = server.processes()
    subprocess.run(["kill", "-STOP", *postmaster], check=True)
    try:
        with pytest.raises(StorageUnavailable, match="within"):
            registry.ping()
    finally:
        subprocess.run(["kill", "-CONT", *postmaster], check=True)
    registry.ping()


def test_readiness_waits_no_longer_for_its_workers_to_be_counted(
    registry: Registry, tmp_path: Path
) -> None:
    workers = counting_workers(registry, tmp_path)
    with registry.write() as holder:
        holder.execute(text("LOCK TABLE workers IN ACCESS EXCLUSIVE MODE"))
        registry.ping()
        away = workers.look()
        assert away is not None
        assert "within" in away.detail
    assert workers.look() == NO_WORKER


def test_readiness_is_told_where_tables_are_missing(registry: Registry, tmp_path: Path) -> None:
    with registry.write() as connection:
        connection.execute(text("DROP TABLE workers"))
    away = counting_workers(registry, tmp_path).look()
    assert away is not None
    assert away.code == "storage_unavailable"


def counting_workers(registry: Registry, folder: Path) -> Dependency:
    """Of what a server stands on, the workers elsewhere."""
    index = cast("Any", SimpleNamespace(ping=lambda: None))
    found = dependencies_of(
        Settings(), registry, index, FolderOriginals(folder), own_worker_is_alive=None
    )
    [workers] = [one for one in found if one.name == WORKER]
    return workers


def test_a_start_waits_for_a_server_that_starts_too(server: OwnPostgres) -> None:
    with new_database(server.url) as url:
        settings = Settings(database_url=SecretStr(url))
        server.stop()
        later = threading.Timer(1.0, server.start)
        later.start()
        registry = awaited_registry(settings)
        later.join()
        registry.ping()
        registry.close()


def test_a_start_goes_on_when_the_server_is_restarted_meanwhile(server: OwnPostgres) -> None:
    with new_database(server.url) as url:
        settings = Settings(database_url=SecretStr(url))
        registry = awaited_registry(settings)
        tries: list[str] = []

        def look() -> int:
            tries.append("a try")
            with registry.read() as connection:
                return count_alive(connection)

        server.stop()
        later = threading.Timer(1.0, server.start)
        later.start()
        assert while_starting(settings, look) == 0
        later.join()
        assert len(tries) > 1
        registry.close()


def test_a_start_does_not_wait_for_ever(server: OwnPostgres) -> None:
    with new_database(server.url) as url:
        server.stop()
        try:
            with pytest.raises(StorageUnavailable, match="cannot be used"):
                awaited_registry(Settings(database_url=SecretStr(url)), limit_s=0.0)
        finally:
            server.start()
