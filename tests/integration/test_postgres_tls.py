"""A Postgres server with a certificate of an authority that only the operator knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event
from urllib.parse import quote

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from corpus.errors import StorageUnavailable
from corpus.registry.database.postgres import open_postgres_registry
from corpus.registry.wakeups import listening
from tests.certificates import of_loopback
from tests.postgres import own_postgres

WAIT_S = 30.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Its URL with sslmode=verify-full, and the authority's file."""
    folder = tmp_path_factory.mktemp("authority")
    _, authority = of_loopback(folder)
    with own_postgres() as started:
        started.speak_tls(authority, folder / "key.pem")
        yield f"{started.url}?sslmode=verify-full", authority


def test_the_authority_that_the_url_names_is_believed(server: tuple[str, Path]) -> None:
    url = SecretStr(f"{server[0]}&sslrootcert={quote(str(server[1]))}")
    registry = open_postgres_registry(url)
    query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    with registry.read() as connection:
        assert connection.execute(text(query)).scalar_one() is True
    registry.close()
    heard = Event()
    with listening(url, heard.set):
        assert heard.wait(WAIT_S)


def test_any_other_is_not(server: tuple[str, Path], tmp_path: Path) -> None:
    _, others = of_loopback(tmp_path)
    for named in ("", f"&sslrootcert={quote(str(others))}"):
        with pytest.raises(StorageUnavailable, match="certificate"):
            open_postgres_registry(SecretStr(server[0] + named))
