"""Postgres tells workers that there is work; the connection may be lost meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from corpus.access import UNRESTRICTED
from corpus.registry.database.engine import Registry
from corpus.registry.new_versions import Content
from corpus.registry.uploads import Upload, accept_upload
from corpus.registry.wakeups import listening

PATIENCE_S = 20.0


def upload(registry: Registry) -> None:
    with registry.write() as connection:
        content = Content(uuid4().hex * 2, 10, "text/plain")
        accept_upload(connection, Upload("default", "f.txt"), content, UNRESTRICTED)


def test_an_upload_wakes_whoever_listens_once_it_is_committed(
    postgres_registry: Registry, postgres_url: str
) -> None:
    word = threading.Event()
    with listening(SecretStr(postgres_url), word.set):
        assert word.wait(PATIENCE_S)  # it listens now
        word.clear()
        with postgres_registry.write() as connection:
            content = Content(uuid4().hex * 2, 10, "text/plain")
            accept_upload(connection, Upload("default", "f.txt"), content, UNRESTRICTED)
            assert not word.wait(0.3)
        assert word.wait(PATIENCE_S)


def test_a_lost_connection_is_made_anew(postgres_registry: Registry, postgres_url: str) -> None:
    word = threading.Event()
    with listening(SecretStr(postgres_url), word.set):
        assert word.wait(PATIENCE_S)
        word.clear()
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            cut = connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'lectern wake-ups' AND datname = current_database()"
            ).fetchall()
        assert cut == [(True,)]
        assert word.wait(PATIENCE_S)  # for what was missed
        word.clear()
        upload(postgres_registry)
        assert word.wait(PATIENCE_S)


def test_who_may_have_one_connection_only_is_woken_on_it(
    postgres_registry: Registry, postgres_url: str
) -> None:
    word = threading.Event()
    with who_may_connect_once(postgres_url) as url, listening(SecretStr(url), word.set):
        assert word.wait(PATIENCE_S)
        word.clear()
        upload(postgres_registry)
        assert word.wait(PATIENCE_S)


def test_an_error_that_nobody_thought_of_does_not_end_it(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    heard = threading.Event()
    words = iter([ZeroDivisionError("a bug of ours")])

    def hear() -> None:
        for error in words:
            raise error
        heard.set()

    with listening(SecretStr(postgres_url), hear):
        assert heard.wait(PATIENCE_S)
    assert [one.exc_info is not None for one in caplog.records] == [True]


@contextmanager
def who_may_connect_once(url: str) -> Iterator[str]:
    """The URL of the same database for another user, with one connection at a time."""
    name = f"lectern_{uuid4().hex}"
    role = sql.Identifier(name)
    made = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} CONNECTION LIMIT 1").format(role, name)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(made)
        try:
            yield f"postgresql://{name}:{name}@{url.rpartition('@')[2]}"
        finally:
            connection.execute(sql.SQL("DROP ROLE {}").format(role))


def test_of_several_hosts_the_one_that_answers_is_listened_to(
    postgres_registry: Registry, postgres_url: str
) -> None:
    word = threading.Event()
    with listening(SecretStr(postgres_url.replace("@", "@127.0.0.1:1,")), word.set):
        assert word.wait(PATIENCE_S)
        word.clear()
        upload(postgres_registry)
        assert word.wait(PATIENCE_S)
