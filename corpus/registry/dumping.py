"""The registry's rows as JSON, and back: the same from and into every database.

Tables are taken as the database has them, so a registry of an older revision is read as it is,
and nothing here has to be changed with the tables.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    func,
    insert,
    inspect,
    not_,
    or_,
    select,
    text,
)

from corpus.errors import Misconfigured
from corpus.registry.locks import lock_schema
from corpus.registry.migrations import (
    HEAD,
    alembic_version,
    bring_up_to_date,
    stored_revision,
)
from corpus.registry.schema import NOT_OF_DOCUMENTS, audit, key_usage, keys, metadata

_LEFT_OUT = frozenset(table.name for table in NOT_OF_DOCUMENTS)
_OF_ACCESS = frozenset({keys.name, key_usage.name})
# What the audit log calls it when keys are made, and refused.
_ACTIONS_OF_ACCESS = ("sign_in", "request.refused")
_ROWS_AT_ONCE = 500

Row = dict[str, Any]


def kept_tables(connection: Connection) -> Sequence[Table]:
    """Our tables as this database has them, what is referred to before what refers to it."""
    there = set(inspect(connection).get_table_names())
    wanted = sorted((there & set(metadata.tables)) - _LEFT_OUT)
    reflected = MetaData()
    reflected.reflect(connection, only=wanted)
    for table in reflected.tables.values():
        for column in table.columns:
            if isinstance(column.type, JSON):
                column.type = JSON(none_as_null=True)
    return [table for table in reflected.sorted_tables if table.name in wanted]


def is_empty(connection: Connection) -> bool:
    """Whether there is nothing that a restore would replace, but keys and who came with them.

    An installation has these before anything else: others reach it by a key alone.
    """
    for table in kept_tables(connection):
        if table.name in _OF_ACCESS:
            continue
        found = select(table).limit(1)
        if table.name == audit.name:
            found = found.where(not_(_is_of_access(table.columns["action"])))
        if connection.execute(found).first():
            return False
    return True


def take_your_time(connection: Connection) -> None:
    """Let this transaction last: a database server may end one that seems idle."""
    if connection.dialect.name == "postgresql":
        for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(text(f"SET LOCAL {limit} = 0"))


def rows_of(connection: Connection, table: Table) -> Iterator[Row]:
    """All rows, in any order, as JSON can hold them; read while iterated."""
    query = select(table).execution_options(yield_per=_ROWS_AT_ONCE)
    for row in connection.execute(query).mappings():
        yield {name: _as_json(value) for name, value in row.items()}


def add_rows(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> int:
    """Add rows as `rows_of` gave them, from whichever database; how many."""
    ready = [
        {name: _as_stored(value, table.columns[name]) for name, value in row.items()}
        for row in rows
    ]
    if ready:
        connection.execute(insert(table), ready)
    return len(ready)


def make_empty_tables(connection: Connection, revision: str) -> Mapping[str, Table]:
    """Replace whatever tables there are by the empty ones of this revision; by name.

    `Misconfigured` when only a newer Lectern knows the revision.
    """
    # It takes as long as opening the registry to import.
    from corpus.registry.migrations.upgrade import require_known, upgrade  # noqa: PLC0415

    require_known(revision)
    lock_schema(connection)
    take_your_time(connection)
    _drop_tables(connection)
    if revision == HEAD:
        bring_up_to_date(connection)
    else:
        upgrade(connection, "base", revision)
    return {table.name: table for table in kept_tables(connection)}


def continue_counting(connection: Connection, tables: Iterable[Table]) -> None:
    """Have numbers that the database gives out go on behind those that were added."""
    if connection.dialect.name != "postgresql":
        return
    for table in tables:
        for column in table.primary_key:
            if not isinstance(column.type, Integer):
                continue
            sequence = select(func.pg_get_serial_sequence(table.name, column.name))
            name = connection.execute(sequence).scalar_one()
            last = connection.execute(select(func.max(column))).scalar_one()
            if name is not None and last is not None:
                connection.execute(select(func.setval(name, last)))


def require_revision(connection: Connection) -> str:
    """The database's revision; `Misconfigured` when it holds no registry that has one."""
    revision = stored_revision(connection)
    if revision is None:
        raise Misconfigured(
            "There is no registry here, or one from before 0.1.0.",
            hint="Check LECTERN_DATA_DIR and DATABASE_URL; `lectern serve` brings an old one "
            "up to date.",
        )
    return revision


def _is_of_access(action: Column[Any]) -> ColumnElement[bool]:
    return or_(action.startswith("key."), action.in_(_ACTIONS_OF_ACCESS))


def _drop_tables(connection: Connection) -> None:
    there = set(inspect(connection).get_table_names())
    ours = sorted(there & {*metadata.tables, alembic_version.name})
    reflected = MetaData()
    reflected.reflect(connection, only=ours)
    reflected.drop_all(connection)


def _as_json(value: object) -> object:
    if isinstance(value, datetime):
        in_utc = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return in_utc.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


def _as_stored(value: Any, column: Column[Any]) -> object:  # noqa: ANN401  (JSON)
    if value is None:
        return None
    if isinstance(column.type, DateTime):
        moment = datetime.fromisoformat(value).astimezone(UTC)
        return moment if column.type.timezone else moment.replace(tzinfo=None)
    if isinstance(column.type, LargeBinary):
        return base64.b64decode(value)
    return value
