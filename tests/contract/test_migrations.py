"""A database that an earlier version made goes on, and ends up with the tables of a new one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from pydantic import SecretStr
from sqlalchemy import Connection, create_engine, text

from corpus.errors import Misconfigured
from corpus.registry.documents import find_document
from corpus.registry.engine import Registry, open_sqlite_registry
from corpus.registry.migrations.upgrade import upgrade
from corpus.registry.postgres import open_postgres_registry
from corpus.registry.schema import metadata
from corpus.registry.versions import complete_version
from corpus.values import Coverage, PageText, Status
from ingestion.queue import claim_next

ROWS = (
    "INSERT INTO collections (name, created_at) VALUES ('default', :now)",
    (
        "INSERT INTO documents (id, collection, identity, version, live_version, metadata, acl,"
        " created_at, updated_at) VALUES ('d1', 'default', 'sha256:a', 2, 1, '{}', '[]', :now, :now)"
    ),
    (
        "INSERT INTO versions (document_id, version, filename, content_sha256, size_bytes, media_type,"
        " status, progress_done, progress_total, pages, chunks, pages_with_text, pages_needing_ocr,"
        " warnings, updated_at) VALUES ('d1', 1, 'f.txt', 'a', 10, 'text/plain', 'ready', 1, 1, 1, 1,"
        " 1, '[]', '[]', :now)"
    ),
    (
        "INSERT INTO versions (document_id, version, filename, content_sha256, size_bytes, media_type,"
        " status, progress_done, progress_total, pages, chunks, pages_with_text, pages_needing_ocr,"
        " warnings, updated_at) VALUES ('d1', 2, 'f.txt', 'b', 10, 'text/plain', 'queued', 0, 0, 0, 0,"
        " 0, '[]', '[]', :now)"
    ),
    (
        "INSERT INTO pages (document_id, version, number, start_char, text)"
        " VALUES ('d1', 1, 1, 0, 'old text')"
    ),
    (
        "INSERT INTO jobs (id, document_id, version, state, claims, failures, run_after,"
        " created_at) VALUES ('j1', 'd1', 1, 'done', 1, 0, :now, :now)"
    ),
    (
        "INSERT INTO jobs (id, document_id, version, state, claims, failures, run_after,"
        " created_at) VALUES ('j2', 'd1', 2, 'queued', 0, 0, :now, :now)"
    ),
)


class Database:
    """One that is not open yet; `connected` reaches it without the registry."""

    def __init__(self, url: str, path: Path | None) -> None:
        self._url = url.replace("postgresql://", "postgresql+psycopg://")
        self._open_url = SecretStr(url)
        self._path = path

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        engine = create_engine(self._url)
        with engine.begin() as connection:
            yield connection
        engine.dispose()

    def open(self) -> Registry:
        if self._path is not None:
            return open_sqlite_registry(self._path)
        return open_postgres_registry(self._open_url)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    if request.param == "postgres":
        return Database(request.getfixturevalue("postgres_url"), None)
    return Database(f"sqlite:///{tmp_path / 'r.sqlite'}", tmp_path / "r.sqlite")


def make_the_first_tables(connection: Connection, *, with_revision: bool) -> None:
    upgrade(connection, "base", "0001")
    for row in ROWS:
        connection.execute(text(row), {"now": datetime.now(UTC).replace(tzinfo=None)})
    if not with_revision:
        connection.execute(text("DROP TABLE alembic_version"))


@pytest.mark.parametrize("with_revision", [True, False])
def test_documents_of_an_earlier_version_go_on(database: Database, with_revision: bool) -> None:
    with database.connected() as connection:
        make_the_first_tables(connection, with_revision=with_revision)
    registry = database.open()
    with registry.write() as connection:
        job = claim_next(connection, "w1")
        assert job is not None
        assert (job.id, job.version) == ("j2", 2)
        assert complete_version(
            connection,
            "d1",
            2,
            "w1",
            read_pages=[PageText(1, "new text", 0)],
            page_count=1,
            chunk_count=1,
            coverage=Coverage(1),
        )
    with registry.read() as connection:
        document = find_document(connection, "d1")
    assert (document.status, document.live_version) == (Status.READY, 2)
    registry.close()


def test_migrated_tables_are_those_of_a_new_database(database: Database) -> None:
    with database.connected() as connection:
        make_the_first_tables(connection, with_revision=True)
    database.open().close()
    with database.connected() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_database_of_a_newer_version_is_refused(database: Database) -> None:
    database.open().close()
    with database.connected() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Misconfigured, match="newer Lectern"):
        database.open()
