"""Copying the registry's rows to another database, in one transaction: all of them or none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, exists, insert, select

from corpus.errors import Misconfigured
from corpus.registry.database.engine import Registry
from corpus.registry.dumping import take_your_time
from corpus.registry.installation import become_installation
from corpus.registry.schema import NOT_OF_DOCUMENTS, metadata

BATCH_ROWS = 500
_DIGEST_BYTES = 32

# In the order of the foreign keys.
_TABLES = [table for table in metadata.sorted_tables if table not in NOT_OF_DOCUMENTS]


def require_target(source: Registry, target: Registry) -> None:
    """Raise `Misconfigured` when the target has rows that are not just those of the source."""
    with source.read() as ours, target.read() as theirs:
        if has_rows(theirs):
            _require_same(ours, theirs)


def has_rows(connection: Connection) -> bool:
    """Whether there is anything that is copied."""
    return any(_has_rows(connection, table) for table in _TABLES)


def copy_rows(source: Registry, target: Registry, installation_id: str) -> Mapping[str, int]:
    """How many rows were copied by table; none where the target has just these rows already.

    The target is the installation of this id from then on. Raises `Misconfigured`, and changes
    nothing, when the target has any other rows.
    """
    with source.read() as ours, target.write() as theirs:
        become_installation(theirs, installation_id)
        if has_rows(theirs):
            _require_same(ours, theirs)
            return {}
        return {table.name: _copy(ours, theirs, table) for table in _TABLES}


def _copy(ours: Connection, theirs: Connection, table: Table) -> int:
    count = 0
    for rows in _rows(ours, table):
        theirs.execute(insert(table), rows)
        count += len(rows)
    return count


def _require_same(ours: Connection, theirs: Connection) -> None:
    take_your_time(theirs)  # it idles while ours are read
    changed = [one.name for one in _TABLES if _digest(ours, one) != _digest(theirs, one)]
    if changed:
        raise Misconfigured(
            f"The database is not empty, and its {', '.join(changed)} are not those of this "
            "folder.",
            hint="Migrate to an empty database: CREATE DATABASE lectern ENCODING 'UTF8'.",
        )


def _has_rows(connection: Connection, table: Table) -> bool:
    return bool(connection.execute(select(exists(select(table)))).scalar_one())


def _digest(connection: Connection, table: Table) -> int:
    """The same for the same rows, in whatever order a database gives them."""
    total = 0
    for rows in _rows(connection, table):
        for row in rows:
            text = json.dumps(row, sort_keys=True, default=_plain)
            total += int.from_bytes(hashlib.sha256(text.encode()).digest())
    return total % (1 << 8 * _DIGEST_BYTES)


def _rows(connection: Connection, table: Table) -> Iterator[Sequence[dict[str, Any]]]:
    found = connection.execution_options(yield_per=BATCH_ROWS).execute(select(table))
    for batch in found.mappings().partitions():
        yield [dict(row) for row in batch]


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"a row has a {type(value)}")
