"""DATABASE_URL: read as libpq reads it, and never shown with its password."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from corpus.errors import Misconfigured
from corpus.registry.database.postgres_url import connect_arguments, shown_url


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://u:p@h:5432/db", {"user": "u", "password": "p", "host": "h", "port": "5432"}),
        ("postgresql://u:p@h1:5432,h2:6432/db", {"host": "h1,h2", "port": "5432,6432"}),
        ("postgresql:///db?host=/run/postgresql", {"host": "/run/postgresql", "dbname": "db"}),
        ("postgresql://u@[::1]:5432/db", {"user": "u", "host": "::1"}),
        ("postgresql://u:a%40b@h/db", {"password": "a@b"}),
        ("postgresql://u:a/b%zz?x=1&x=2@h/db", {"password": "a/b%zz?x=1&x=2", "host": "h"}),
        ("postgresql://u@t:pw@h/db", {"user": "u@t", "password": "pw", "host": "h"}),
        ("postgresql://u@t@h/db", {"user": "u@t", "host": "h"}),
        ("postgresql://u%40t:p@w@h/db", {"user": "u@t", "password": "p@w", "host": "h"}),
        ("postgresql://u:a@b/c@h/db", {"password": "a", "host": "b", "dbname": "c@h/db"}),
        (
            "postgresql://u:p@h:5432/db?application_name=a@b",
            {"user": "u", "password": "p", "host": "h", "application_name": "a@b"},
        ),
        ("postgresql://u@h:5432/db?application_name=a@b", {"user": "u", "host": "h"}),
        ("postgresql://?host=h&user=u@t", {"user": "u@t", "host": "h"}),
        ("postgresql://h/db", {"connect_timeout": 5, "application_name": "lectern"}),
        ("postgresql://h/db?connect_timeout=30", {"connect_timeout": "30"}),
        ("postgresql://h/db?application_name=ours", {"application_name": "ours"}),
        ("postgresql://h/db?client_encoding=latin1", {"client_encoding": "utf8"}),
        ("postgresql://h/db?sslmode=verify-full", {"sslmode": "verify-full"}),
    ],
)
def test_what_the_url_says_is_what_connections_are_opened_with(
    url: str, said: dict[str, str | int]
) -> None:
    assert connect_arguments(SecretStr(url)).items() >= said.items()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://user:secretword@h:5432/db", "h:5432/db"),
        ("postgresql://user:secretword@h1:5432,h2:6432/db", "h1:5432,h2:6432/db"),
        ("postgresql://user:secretword@h1,h2/db?port=5432", "h1:5432,h2:5432/db"),
        ("postgresql:///db?password=secretword", "the local socket/db"),
        ("postgresql://user:12/secretword@h/db", "h/db"),
        ("postgresql://user@tenant:secret@word@h/db", "h/db"),
    ],
)
def test_where_it_is_is_shown_without_who_may_enter(url: str, shown: str) -> None:
    assert shown_url(SecretStr(url)) == shown


@pytest.mark.parametrize(
    "url",
    [
        "mysql://user:secretword@host/db",
        "postgres://user:secretword@host/db",
        "postgresql+asyncpg://user:secretword@host/db",
        "sqlite:///x",
        "secretword",
        "user:secretword@host/db?x=postgresql://",
        "postgresql://user:secretword@host:port/db",
        "postgresql://user:secretword@host/db?connect_timeout=soon",
        "postgresql://user:secretword@host/db?password=secret%word",
        "postgresql://user:secretword@host/db?sslmod=require",
        "postgresql://user:secretword@/db?host=h1:5432&host=h2:5432",
        "postgresql://user:secretword@host/db?options=-c%20a%3Db&options=-c%20c%3Dd",
        "postgresql://host/db?password=secretword&password=secretword",
    ],
)
def test_what_is_not_such_a_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        connect_arguments(SecretStr(url))
    told = f"{refused.value.detail} {refused.value.hint}"
    assert "postgresql://" in told or "host1:5432,host2:5432" in told
    assert "secret" not in told
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
