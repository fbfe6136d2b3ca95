"""A database that an earlier version made goes on, and ends up with the tables of a new one."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from pydantic import SecretStr
from sqlalchemy import Connection, create_engine, event, select, text

from corpus.access import UNRESTRICTED, audience
from corpus.errors import Misconfigured, StorageUnavailable
from corpus.registry.conversations import find_conversation
from corpus.registry.database.engine import Registry, open_sqlite_registry
from corpus.registry.database.postgres import open_postgres_registry
from corpus.registry.documents import find_document
from corpus.registry.leases import claim_next
from corpus.registry.migrations import HEAD, patience
from corpus.registry.migrations.upgrade import configuration, upgrade
from corpus.registry.schema import audiences, documents, metadata
from corpus.registry.turns import asked_questions
from corpus.registry.versions import complete_version
from corpus.turns import AskedQuestion
from corpus.values import Coverage, PageText, Status

NOW = datetime.now(UTC).replace(tzinfo=None)
A_VERSION = {
    "document_id": "d1",
    "filename": "f.txt",
    "size_bytes": 10,
    "media_type": "text/plain",
    "progress_done": 0,
    "progress_total": 0,
    "pages": 1,
    "chunks": 1,
    "pages_with_text": 1,
    "pages_needing_ocr": "[]",
    "warnings": "[]",
    "updated_at": NOW,
}
A_JOB = {"document_id": "d1", "claims": 0, "failures": 0, "run_after": NOW, "created_at": NOW}
A_DOCUMENT = {
    "id": "d1",
    "collection": "default",
    "identity": "sha256:a",
    "version": 2,
    "live_version": 1,
    "metadata": "{}",
    "acl": "[]",
    "created_at": NOW,
    "updated_at": NOW,
}
ROWS: list[tuple[str, dict[str, object]]] = [
    ("collections", {"name": "default", "created_at": NOW}),
    ("documents", A_DOCUMENT),
    ("versions", {**A_VERSION, "version": 1, "content_sha256": "a", "status": "ready"}),
    ("versions", {**A_VERSION, "version": 2, "content_sha256": "b", "status": "queued"}),
    ("pages", {"document_id": "d1", "version": 1, "number": 1, "start_char": 0, "text": "old"}),
    ("jobs", {**A_JOB, "id": "j1", "version": 1, "state": "done"}),
    ("jobs", {**A_JOB, "id": "j2", "version": 2, "state": "queued"}),
]


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


def insert_into(connection: Connection, table: str, row: dict[str, object]) -> None:
    names, values = ", ".join(row), ", ".join(f":{name}" for name in row)
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)  # noqa: S608  our own names


def make_the_first_tables(connection: Connection, *, with_revision: bool) -> None:
    upgrade(connection, "base", "0001")
    for table, row in ROWS:
        insert_into(connection, table, row)
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
        assert (job.job_id, job.version) == ("j2", 2)
        assert complete_version(
            connection,
            job,
            read_pages=[PageText(1, "new text", 0)],
            page_count=1,
            chunk_count=1,
            coverage=Coverage(1),
        )
    with registry.read() as connection:
        document = find_document(connection, "d1", UNRESTRICTED)
    assert (document.status, document.live_version) == (Status.READY, 2)
    registry.close()


@pytest.mark.parametrize("revision", ["0004", "0007"])
def test_the_rows_of_releases_in_between_go_on(database: Database, revision: str) -> None:
    """Documents, an attachment, and a conversation with its answer, by the SQL of then."""
    with database.connected() as connection:
        upgrade(connection, "base", revision)
        for table, row in ROWS:
            insert_into(
                connection, table, {**row, **({"state": "queued"} if "state" in row else {})}
            )
        attached = {**A_DOCUMENT, "id": "d2", "identity": "child:a", "live_version": None}
        insert_into(connection, "documents", {**attached, "version": 1, "parent_id": "d1"})
        waiting = {**A_VERSION, "document_id": "d2", "version": 1, "content_sha256": "c"}
        insert_into(connection, "versions", {**waiting, "status": "queued"})
        talk = {"id": "c1", "collection": "default", "title": "T", "turns": 1}
        insert_into(connection, "conversations", {**talk, "created_at": NOW, "updated_at": NOW})
        said: dict[str, object] = {
            "id": "a1",
            "conversation_id": "c1",
            "ordinal": 1,
            "collection": "default",
            "question": "And it?",
            "standalone_question": "What of Acme?",
            "reply": '{"answer": "Old."}',
            "is_removed": False,
            "created_at": NOW,
        }
        insert_into(connection, "answers", said)
        insert_into(connection, "answer_sources", {"answer_id": "a1", "document_id": "d1"})
    registry = database.open()
    with registry.read() as connection:
        document = find_document(connection, "d1", UNRESTRICTED)
        assert [one.document_id for one in document.attachments] == ["d2"]
        assert document.live_version == 1
        found = find_conversation(connection, "c1", UNRESTRICTED)
        assert (found.title, found.turns) == ("T", 1)
    registry.close()
    with database.connected() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


ACLS = [[], ["a"], ["b", "a"], ["a", "b", "a"], ["Ä", "a" * 256], ["a"], []]


def test_audiences_are_filled_at_once_whatever_the_number_of_documents(database: Database) -> None:
    statements: list[str] = []
    with database.connected() as connection:
        upgrade(connection, "base", "0007")
        insert_into(connection, "collections", {"name": "default", "created_at": NOW})
        for number in range(70):
            acl = json.dumps(ACLS[number % len(ACLS)])
            row = {**A_DOCUMENT, "id": f"d{number}", "identity": f"sha256:{number}", "acl": acl}
            insert_into(connection, "documents", row)
    with database.connected() as connection:
        event.listen(
            connection,
            "before_cursor_execute",
            lambda _connection, _cursor, statement, *_: statements.append(statement),
        )
        upgrade(connection, "0007")
    assert len([one for one in statements if one.startswith("UPDATE documents")]) == 1
    with database.connected() as connection:
        found = connection.execute(select(documents.c.acl, documents.c.audience)).all()
        known = connection.execute(select(audiences.c.audience, audiences.c.principal)).all()
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    assert len(found) == 70
    assert all(row.audience == audience(row.acl) for row in found)
    assert {(audience(acl), one) for acl in ACLS for one in acl} == {tuple(row) for row in known}


def test_who_reads_for_long_keeps_nobody_else_waiting_for_a_migration(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "LOCK_LIMIT_MS", 50)
    monkeypatch.setattr(patience, "AGAIN_S", 0.02)
    database = Database(postgres_url, None)
    with database.connected() as connection:
        upgrade(connection, "base", "0007")
    with database.connected() as connection:
        insert_into(connection, "collections", {"name": "default", "created_at": NOW})
        insert_into(connection, "documents", A_DOCUMENT)
    others = create_engine(
        postgres_url.replace("postgresql://", "postgresql+psycopg://"),
        connect_args={"options": "-c statement_timeout=3s"},
    )
    with ThreadPoolExecutor(1) as pool:
        with database.connected() as reader:
            reader.execute(text("SELECT 1 FROM documents"))
            migrating = pool.submit(database.open)
            wait_for_others_in(reader)
            for _ in range(20):
                with others.connect() as connection:
                    connection.execute(text("SELECT 1 FROM documents"))
            assert not migrating.done()
        migrating.result().close()
    others.dispose()
    with database.connected() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_migration_that_never_gets_its_turn_says_why(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"LOCK_LIMIT_MS": 20, "AGAIN_S": 0.01, "LIMIT_S": 0.1}.items():
        monkeypatch.setattr(patience, name, value)
    database = Database(postgres_url, None)
    with database.connected() as connection:
        upgrade(connection, "base", "0007")
    with database.connected() as reader:
        reader.execute(text("SELECT 1 FROM documents"))
        with pytest.raises(StorageUnavailable, match="others use them"):
            database.open()
    database.open().close()


def wait_for_others_in(connection: Connection) -> None:
    """Return when another session wants a table that we read."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation IS NOT NULL")
    deadline_s = time.monotonic() + 30
    while not connection.execute(waiting).scalar_one():
        assert time.monotonic() < deadline_s


def test_questions_to_suggest_are_taken_along(database: Database) -> None:
    with database.connected() as connection:
        upgrade(connection, "base", "0005")
        for number, embedding in enumerate((b"1234", None)):
            row: dict[str, object] = {
                "id": f"a{number}",
                "ordinal": 0,
                "collection": "default",
                "question": "And it?",
                "standalone_question": "What of Acme?",
                "reply": "{}",
                "embedding": embedding,
                "is_removed": False,
                "created_at": NOW,
            }
            insert_into(connection, "answers", row)
    registry = database.open()
    with registry.read() as connection:
        asked = asked_questions(connection, "default", limit=9)
    assert asked == [AskedQuestion("a0", "What of Acme?", b"1234")]
    registry.close()


def test_migrated_tables_are_those_of_a_new_database(database: Database) -> None:
    with database.connected() as connection:
        make_the_first_tables(connection, with_revision=True)
    database.open().close()
    with database.connected() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_new_database_is_of_the_newest_revision(database: Database) -> None:
    database.open().close()
    with database.connected() as connection:
        stored = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        newest = ScriptDirectory.from_config(configuration(connection)).get_current_head()
    assert stored == HEAD == newest


@pytest.mark.parametrize("revision", ["0006", "0007", "0008"])
def test_tables_that_a_database_has_already_come_once(database: Database, revision: str) -> None:
    with database.connected() as connection:
        upgrade(connection, "base", revision)
        connection.execute(text("UPDATE alembic_version SET version_num = '0006'"))
    database.open().close()
    with database.connected() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_database_of_a_newer_version_is_refused(database: Database) -> None:
    database.open().close()
    with database.connected() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Misconfigured, match="newer Lectern"):
        database.open()
