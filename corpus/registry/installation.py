"""Which installation the registry is: an id of its own, made once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from uuid import uuid4

from sqlalchemy import Connection, delete, insert, inspect, select

from corpus.ownership import Installation
from corpus.registry.database.engine import Registry
from corpus.registry.locks import lock_installation, lock_schema
from corpus.registry.schema import documents, installation, versions


def this_installation(registry: Registry) -> Installation:
    """The installation that this registry is; several processes that ask first agree."""
    with registry.read() as connection:
        found = stored_installation_id(connection)
    if found is None:
        with registry.write() as connection:
            found = _made_id(connection)
    return installation_of(registry, found)


def kept_installation_id(registry: Registry) -> str:
    """The id of the registry, which has one from now on, also where its tables are older.

    They stay of their revision but for the table of the id, which the migration then finds.
    """
    with registry.write() as connection:
        lock_schema(connection)
        installation.create(connection, checkfirst=True)
        return _made_id(connection)


def installation_of(registry: Registry, installation_id: str) -> Installation:
    """The installation of this id, with what the registry knows."""
    return Installation(
        installation_id,
        knows_originals=partial(_knows_originals, registry),
        knows_documents=partial(_knows_documents, registry),
    )


def stored_installation_id(connection: Connection) -> str | None:
    """None before the first start with this revision of the tables, and in older tables."""
    if not inspect(connection).has_table(installation.name):
        return None
    return connection.execute(select(installation.c.id)).scalar_one_or_none()


def new_installation_id() -> str:
    """One that no other installation has."""
    return str(uuid4())


def become_installation(connection: Connection, installation_id: str) -> None:
    """Be this one from now on, whichever it was."""
    lock_installation(connection)
    connection.execute(delete(installation))
    connection.execute(insert(installation).values(id=installation_id))


def _made_id(connection: Connection) -> str:
    lock_installation(connection)
    found = stored_installation_id(connection)
    if found is None:
        found = new_installation_id()
        connection.execute(insert(installation).values(id=found))
    return found


def _knows_originals(registry: Registry, content_sha256s: Sequence[str]) -> bool:
    query = select(versions.c.version).where(versions.c.content_sha256.in_(content_sha256s))
    with registry.read() as connection:
        return connection.execute(query.limit(1)).first() is not None


def _knows_documents(registry: Registry, document_ids: Sequence[str]) -> bool:
    query = select(documents.c.id).where(documents.c.id.in_(document_ids))
    with registry.read() as connection:
        return connection.execute(query.limit(1)).first() is not None
