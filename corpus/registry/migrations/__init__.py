"""Which state of the tables a database has, and bringing it to the one that this code needs.

`alembic_version` holds the revision. An empty database gets the tables of schema.py at once; a
database without a revision that has documents was made before there were revisions, and is at
`FIRST`. How to add a revision: docs/migrations.md.
"""

from __future__ import annotations

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, inspect, select

from corpus.registry.locks import lock_schema
from corpus.registry.schema import metadata

FIRST = "0001"
HEAD = "0016"

alembic_version = Table(
    "alembic_version", MetaData(), Column("version_num", String(32), primary_key=True)
)


def stored_revision(connection: Connection) -> str | None:
    """The database's revision; None when it has none."""
    if not inspect(connection).has_table(alembic_version.name):
        return None
    return connection.execute(select(alembic_version.c.version_num)).scalar_one_or_none()


def bring_up_to_date(connection: Connection) -> None:
    """Make or migrate the tables, within the caller's transaction.

    Several processes may do so at once: the first one works, the others wait and find it done.
    Raises `Misconfigured` when a newer Lectern has been here, and `StorageUnavailable` when others
    have the tables for too long.
    """
    lock_schema(connection)
    current = stored_revision(connection)
    if current is None and not inspect(connection).has_table("documents"):
        metadata.create_all(connection)
        _stamp(connection, HEAD)
        return
    if current is None:
        current = FIRST
        _stamp(connection, current)
    if current != HEAD:
        # Imported only when there is something to do: it takes as long as opening the registry.
        from corpus.registry.migrations.upgrade import upgrade  # noqa: PLC0415

        upgrade(connection, current)


def _stamp(connection: Connection, revision: str) -> None:
    if not inspect(connection).has_table(alembic_version.name):
        alembic_version.create(connection)
    connection.execute(insert(alembic_version).values(version_num=revision))
