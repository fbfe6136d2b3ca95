"""The whole suite runs with outgoing connections refused, in this process and its children."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from corpus.quiet import set_offline_environment
from corpus.registry.database.engine import Registry, open_sqlite_registry
from corpus.registry.database.postgres import open_postgres_registry
from tests.bucket import BucketServer, own_bucket_server
from tests.offline.refuse import refuse_outgoing_connections
from tests.postgres import new_database, own_postgres

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what runs in its background so, and our own child processes would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # so does nohup
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

ROOT = Path(__file__).parents[1]
OURS = {"LECTERN_DATA", "LECTERN_TEST_DATABASE_URL"}


def pytest_configure() -> None:
    set_offline_environment()
    # Each server that a test starts would compile all of our sources anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # Settings of whoever runs the tests must not reach the servers under test.
    for name in list(os.environ):
        is_ours = name.startswith("LECTERN_") and name not in OURS
        if is_ours or name.startswith("AWS_") or name in {"DATABASE_URL", "BLOB_URL"}:
            del os.environ[name]
    os.environ["PYTHONPATH"] = str(ROOT / "tests" / "offline")
    refuse_outgoing_connections()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real files to develop against; tests that need them skip where they are absent."""
    folder = Path(os.environ.get("LECTERN_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}: set LECTERN_DATA to one with filings/, wiki/, formats/")
    return folder


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a server where databases may be made: LECTERN_TEST_DATABASE_URL, or our own."""
    configured = os.environ.get("LECTERN_TEST_DATABASE_URL")
    if configured:
        yield configured
        return
    with own_postgres() as server:
        yield server.url


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of an empty Postgres database."""
    with new_database(postgres_server) as url:
        yield url


@pytest.fixture
def postgres_registry(postgres_url: str) -> Iterator[Registry]:
    opened = open_postgres_registry(SecretStr(postgres_url))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def bucket_server() -> Iterator[BucketServer]:
    """An S3-compatible server."""
    with own_bucket_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    """The registry on each of its databases: empty, and the test's own."""
    if request.param == "postgres":
        yield request.getfixturevalue("postgres_registry")
        return
    opened = open_sqlite_registry(tmp_path / "registry.sqlite")
    yield opened
    opened.close()
