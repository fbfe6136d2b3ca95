"""Going back to older tables, and processes of the release before on the tables of the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    JSON,
    Boolean,
    Connection,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    create_engine,
    inspect,
    select,
    text,
)

from corpus.errors import InvalidRequest, Misconfigured
from corpus.registry.migrations import HEAD
from corpus.registry.migrations.upgrade import configuration, downgrade, upgrade
from corpus.registry.schema import metadata
from corpus.settings import Settings
from lectern.commands.changing_schema import migrate_schema

REVISIONS = sorted(
    script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions()
)
# What a revision takes away from the release before. Name it in docs/migrations.md as well.
TAKEN_AWAY: Mapping[str, set[str]] = {"0006": {"answers.embedding is gone"}}


class Database:
    """Empty, without any revision."""

    def __init__(self, url: str, settings: Settings) -> None:
        self._url = url.replace("postgresql://", "postgresql+psycopg://")
        self.settings = settings

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        engine = create_engine(self._url)
        try:
            with engine.begin() as connection:
                if connection.dialect.name == "sqlite":
                    connection.execute(text("PRAGMA foreign_keys = ON"))
                yield connection
        finally:
            engine.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
        settings = Settings(data_dir=tmp_path, DATABASE_URL=url)
        return Database(url, settings)
    return Database(f"sqlite:///{tmp_path / 'registry.sqlite'}", Settings(data_dir=tmp_path))


def tables(connection: Connection) -> Mapping[str, Table]:
    found = MetaData()
    found.reflect(connection)
    return {one.name: one for one in found.sorted_tables if one.name != "alembic_version"}


def a_value(kind: object) -> object:
    """The same for every column of a kind, so that whatever refers to another finds it."""
    for sort, value in (
        (JSON, ["x"]),
        (Boolean, True),
        (Integer, 1),
        (Float, 0.5),
        (DateTime, datetime(2026, 1, 2, 3, 4, 5)),  # noqa: DTZ001  as it is stored
        (LargeBinary, b"\x00\xff"),
    ):
        if isinstance(kind, sort):
            return value
    return "x"


def insert_one_each(connection: Connection, known: Mapping[str, Table]) -> None:
    """A row in each table, with every column that was known then."""
    for table in known.values():
        values = {column.name: a_value(column.type) for column in table.columns}
        connection.execute(table.insert().values(values))


def rows(connection: Connection, known: Mapping[str, Table]) -> dict[str, list[dict[str, Any]]]:
    """All rows, in the columns that are known."""
    return {
        name: [dict(row) for row in connection.execute(select(table)).mappings()]
        for name, table in known.items()
    }


def columns(known: Mapping[str, Table]) -> dict[str, set[str]]:
    return {name: set(table.columns.keys()) for name, table in known.items()}


def only(
    kept: Mapping[str, set[str]], found: Mapping[str, list[dict[str, Any]]]
) -> dict[str, list[dict[str, Any]]]:
    """The rows of these tables, in these columns."""
    return {
        table: [{name: row[name] for name in names} for row in found[table]]
        for table, names in kept.items()
    }


@pytest.mark.parametrize("revision", REVISIONS)
def test_back_and_forth_leaves_the_tables_of_now_and_the_rows_of_then(
    database: Database, revision: str
) -> None:
    with database.connected() as connection:
        upgrade(connection, "base", revision)
        then = tables(connection)
        insert_one_each(connection, then)
        before = rows(connection, then)
        upgrade(connection, revision)
    with database.connected() as connection:
        downgrade(connection, revision)
        again = tables(connection)
        assert columns(again) == columns(then)
        assert rows(connection, again) == before
        upgrade(connection, revision)
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        kept = {
            name: columns(then)[name] & names
            for name, names in columns(tables(connection)).items()
            if name in then
        }
        assert only(kept, rows(connection, tables(connection))) == only(kept, before)


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_a_process_of_an_older_release_writes_beside_a_newer_one(
    database: Database, revision: str
) -> None:
    following = REVISIONS[REVISIONS.index(revision) + 1]
    with database.connected() as connection:
        upgrade(connection, "base", revision)
        known = tables(connection)
        upgrade(connection, revision, following)
    gone = {one.split()[0] for one in TAKEN_AWAY.get(following, ())}
    with database.connected() as connection:
        for table in known.values():
            values = {
                column.name: a_value(column.type)
                for column in table.columns
                if f"{table.name}.{column.name}" not in gone
            }
            connection.execute(table.insert().values(values))
        now = tables(connection)
        for name in known:
            assert len(connection.execute(select(now[name])).all()) == 1


@pytest.mark.parametrize("revision", REVISIONS[1:])
def test_a_revision_only_adds(database: Database, revision: str) -> None:
    before = REVISIONS[REVISIONS.index(revision) - 1]
    with database.connected() as connection:
        upgrade(connection, "base", before)
        old = described(connection)
        upgrade(connection, before, revision)
        new = described(connection)
    assert taken_away(old, new) == TAKEN_AWAY.get(revision, set())


Described = dict[str, dict[str, Any]]


def described(connection: Connection) -> Described:
    """By table: its columns (whether each can be left out, and is required), what is unique."""
    inspector = inspect(connection)
    return {
        name: {
            "columns": {
                column["name"]: column["nullable"] or column["default"] is not None
                for column in inspector.get_columns(name)
            },
            "unique": {
                *(tuple(one["column_names"]) for one in inspector.get_unique_constraints(name)),
                *(
                    tuple(one["column_names"])
                    for one in inspector.get_indexes(name)
                    if one["unique"]
                ),
            },
            "refers": {
                tuple(one["constrained_columns"]) for one in inspector.get_foreign_keys(name)
            },
        }
        for name in inspector.get_table_names()
    }


def taken_away(old: Described, new: Described) -> set[str]:
    """What the release before relies on, and finds no more."""
    found = {f"{table} is gone" for table in old.keys() - new.keys()}
    for table in old.keys() & new.keys():
        was, now = old[table], new[table]
        for column, may_be_left_out in was["columns"].items():
            if column not in now["columns"]:
                found.add(f"{table}.{column} is gone")
            elif may_be_left_out and not now["columns"][column]:
                found.add(f"{table}.{column} is required")
        for column in now["columns"].keys() - was["columns"].keys():
            if not now["columns"][column]:
                found.add(f"{table}.{column} is new and required")
        for kind in ("unique", "refers"):
            found |= {f"{table}: {kind} {columns}" for columns in now[kind] - was[kind]}
    return found


def test_what_takes_away_is_noticed(database: Database) -> None:
    with database.connected() as connection:
        upgrade(connection, "base", "head")
        old = described(connection)
        connection.execute(text("ALTER TABLE jobs RENAME COLUMN reason TO cause"))
        connection.execute(text("ALTER TABLE pages ADD COLUMN x INTEGER NOT NULL DEFAULT 1"))
        connection.execute(text("CREATE UNIQUE INDEX one_each ON versions (filename)"))
        connection.execute(text("DROP TABLE slack_threads"))
        new = described(connection)
        new["pages"]["columns"]["y"] = False
    assert taken_away(old, new) == {
        "jobs.reason is gone",
        "pages.y is new and required",
        "versions: unique ('filename',)",
        "slack_threads is gone",
    }


def test_the_command_goes_back_when_it_is_told_to_lose(database: Database) -> None:
    with database.connected() as connection:
        upgrade(connection, "base", "head")
        insert_one_each(connection, tables(connection))
        # Nobody is at work: it was seen long ago.
        connection.execute(text("UPDATE workers SET seen_at = '2020-01-01 00:00:00'"))
    with pytest.raises(InvalidRequest, match="loses"):
        migrate_schema(database.settings, "0005", force=False)
    migrate_schema(database.settings, "0005", force=True)
    with database.connected() as connection:
        assert "asked" not in tables(connection)
        assert len(rows(connection, tables(connection))["documents"]) == 1
    migrate_schema(database.settings, HEAD, force=False)
    with database.connected() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    with database.connected() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Misconfigured, match="newer"):
        migrate_schema(database.settings, HEAD, force=True)


def test_revisions_have_names_and_what_is_none_is_said(database: Database) -> None:
    with database.connected() as connection:
        upgrade(connection, "base", "0009")
    for unknown in ("9999", "00", "+1", "-1", "heads", ""):
        with pytest.raises(InvalidRequest, match="no revision") as said:
            migrate_schema(database.settings, unknown, force=True)
        assert f"0001 to {HEAD}" in said.value.hint
    migrate_schema(database.settings, "head", force=False)
    with database.connected() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    with pytest.raises(InvalidRequest, match="loses"):
        migrate_schema(database.settings, "base", force=False)
    migrate_schema(database.settings, "base", force=True)
    with database.connected() as connection:
        assert tables(connection) == {}


def test_a_database_with_workers_at_work_is_left_alone(database: Database) -> None:
    with database.connected() as connection:
        upgrade(connection, "base", "head")
        alive = tables(connection)["workers"]
        moment = datetime(2100, 1, 1)  # noqa: DTZ001  as it is stored
        connection.execute(alive.insert().values(name="w", started_at=moment, seen_at=moment))
        is_shared = connection.dialect.name != "sqlite"
    if is_shared:
        with pytest.raises(Misconfigured, match="at work"):
            migrate_schema(database.settings, "0005", force=True)
    else:  # its workers are the server's, which would own the folder
        migrate_schema(database.settings, "0005", force=True)


def test_forwards_it_goes_beside_workers_of_the_release_before(database: Database) -> None:
    with database.connected() as connection:
        upgrade(connection, "base", "0013")
        alive = tables(connection)["workers"]
        moment = datetime(2100, 1, 1)  # noqa: DTZ001  as it is stored
        connection.execute(alive.insert().values(name="w", started_at=moment, seen_at=moment))
    migrate_schema(database.settings, "head", force=False)
    with database.connected() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
