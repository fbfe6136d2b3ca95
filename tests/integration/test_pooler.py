"""A pooler before Postgres, which lends the server's processes from transaction to transaction."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from urllib.parse import quote

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, text

from corpus.access import UNRESTRICTED
from corpus.errors import StorageUnavailable
from corpus.registry.database.engine import Registry
from corpus.registry.database.postgres import open_postgres_registry
from corpus.registry.dumping import kept_tables, rows_of
from corpus.registry.leases import claim_next, renew
from corpus.registry.locks import lock_document, lock_key
from corpus.registry.new_versions import Content
from corpus.registry.uploads import Upload, accept_upload
from corpus.registry.wakeups import listening
from tests.pgbouncer import pooled

PATIENCE_S = 20.0
LIMITS = {
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "1min",
}


@pytest.fixture
def url(postgres_url: str) -> Iterator[str]:
    with pooled(postgres_url, "transaction") as through:
        yield through


@pytest.fixture
def registry(url: str) -> Iterator[Registry]:
    opened = open_postgres_registry(SecretStr(url))
    yield opened
    opened.close()


def upload(registry: Registry) -> str:
    with registry.write() as connection:
        content = Content("a" * 64, 1, "text/plain")
        accepted = accept_upload(connection, Upload("default", "f"), content, UNRESTRICTED)
    return accepted.document.id


def limits(connection: Connection) -> dict[str, str]:
    return {name: connection.execute(text(f"SHOW {name}")).scalar_one() for name in LIMITS}


def test_documents_are_accepted_read_and_worked_on_through_it(registry: Registry) -> None:
    registry.ping()
    document_id = upload(registry)
    with registry.write() as connection:
        lease = claim_next(connection, "worker", chunker=0)
        assert lease is not None
        assert lease.document_id == document_id
    with registry.write() as connection:
        assert renew(connection, lease)
        assert claim_next(connection, "another", chunker=0) is None
    with registry.read() as connection:  # also with a cursor of the server's
        rows = {table.name: list(rows_of(connection, table)) for table in kept_tables(connection)}
    assert [row["id"] for row in rows["documents"]] == [document_id]


def test_what_one_holds_the_other_waits_for(registry: Registry, url: str) -> None:
    document_id = upload(registry)
    another = open_postgres_registry(SecretStr(url))
    with registry.write() as holder:
        lock_document(holder, document_id)
        lock_key(holder, "name")
        for lock, name in ((lock_document, document_id), (lock_key, "name")):
            with pytest.raises(StorageUnavailable, match="locked"), another.write() as waiter:  # noqa: PT012
                waiter.execute(text("SET LOCAL lock_timeout = '50ms'"))
                lock(waiter, name)
        with another.write() as unconcerned:
            lock_key(unconcerned, "another name")
    with another.write() as next_one:
        lock_document(next_one, document_id)
        lock_key(next_one, "name")
    another.close()


def test_the_limits_hold_in_each_unit_and_for_nobody_else(registry: Registry, url: str) -> None:
    for unit in (registry.read, registry.write, registry.read):
        with unit() as connection:
            assert limits(connection) == LIMITS
        with psycopg.connect(url, autocommit=True) as other:
            found = other.execute("SHOW statement_timeout").fetchone()
        assert found == ("0",)


def test_reading_is_on_one_snapshot_and_writes_nothing(registry: Registry) -> None:
    count = text("SELECT count(*) FROM documents")
    with registry.read() as reader:
        assert reader.execute(count).scalar_one() == 0
        upload(registry)
        assert reader.execute(count).scalar_one() == 0
    with pytest.raises(StorageUnavailable, match="reading"), registry.read() as reader:
        reader.execute(text("DELETE FROM jobs"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("-c statement_timeout=20s", {"statement_timeout": "20s"}),
        ("--Statement-Timeout=20s", {"statement_timeout": "20s"}),
        ("-c deadlock_timeout=2s -c lock_timeout=5s", {"lock_timeout": "5s"}),
        ("-c deadlock_timeout=2s", {}),  # another limit, whose name ends in that of ours
    ],
)
def test_what_the_url_says_of_a_limit_holds_and_no_other(
    postgres_url: str, options: str, said: dict[str, str]
) -> None:
    registry = open_postgres_registry(SecretStr(f"{postgres_url}?options={quote(options)}"))
    with registry.read() as connection:
        assert limits(connection) == LIMITS | said
    registry.close()


def test_who_listens_is_told_once_that_no_word_comes_through_it(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "lectern.worker")
    heard = threading.Event()
    with listening(SecretStr(url), heard.set):
        ends_s = time.monotonic() + PATIENCE_S
        while _ears() and time.monotonic() < ends_s:
            time.sleep(0.02)
        assert not _ears()
    assert [(one.levelname, one.message) for one in caplog.records] == [
        ("INFO", "work is not announced through this pooler: it is looked for")
    ]
    assert not heard.is_set()


def test_a_pooler_by_session_passes_the_word_on(
    postgres_registry: Registry, postgres_url: str
) -> None:
    word = threading.Event()
    with pooled(postgres_url, "session") as url, listening(SecretStr(url), word.set):
        assert word.wait(PATIENCE_S)
        word.clear()
        upload(postgres_registry)
        assert word.wait(PATIENCE_S)


def _ears() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name == "wake-ups"]
