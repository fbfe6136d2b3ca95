"""Which fields of its documents' metadata a collection declares."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, select, update

from corpus.declared_fields import DeclaredFields, FieldType
from corpus.errors import CollectionExists, CollectionNotFound
from corpus.registry.locks import lock_collection_name
from corpus.registry.schema import collections


def create_collection(connection: Connection, name: str, fields: DeclaredFields) -> None:
    """Make an empty collection that declares these fields, or raise `CollectionExists`."""
    lock_collection_name(connection, name)
    known = select(collections.c.name).where(collections.c.name == name)
    if connection.execute(known).first() is not None:
        raise CollectionExists(f"There is a collection {name!r} already.")
    connection.execute(
        insert(collections).values(
            name=name, metadata_fields=dict(fields), created_at=datetime.now(UTC)
        )
    )


def declare_fields(connection: Connection, name: str, fields: DeclaredFields) -> None:
    """Put these declarations in place of the collection's; `CollectionNotFound` without it.

    Documents keep their metadata: a value that does not fit its type now matches nothing.
    """
    changed = connection.execute(
        update(collections).where(collections.c.name == name).values(metadata_fields=dict(fields))
    )
    if not changed.rowcount:
        raise CollectionNotFound(f"There is no collection {name!r}.")


def declared_fields(connection: Connection, name: str) -> DeclaredFields:
    """What the collection declares, by name; nothing when there is no such collection."""
    return as_declared(
        connection.execute(
            select(collections.c.metadata_fields).where(collections.c.name == name)
        ).scalar_one_or_none()
    )


def as_declared(stored: Mapping[str, str] | None) -> DeclaredFields:
    """The declarations in a row of `collections`."""
    return {name: FieldType(kind) for name, kind in (stored or {}).items()}
