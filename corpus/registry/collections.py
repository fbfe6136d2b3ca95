"""Collections: made by hand or by their first upload, and how each is set up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, delete, func, insert, select, update

from corpus.access import Reader, collection_not_found
from corpus.declared_fields import DeclaredFields, FieldType
from corpus.errors import CollectionExists
from corpus.registry.access import is_readable
from corpus.registry.conversations import forget_collection
from corpus.registry.locks import lock_collection_name
from corpus.registry.schema import collections, documents, versions
from corpus.values import CollectionSettings, CollectionSummary


def create_collection(connection: Connection, name: str, settings: CollectionSettings) -> None:
    """Make an empty collection that is set up so, or raise `CollectionExists`."""
    lock_collection_name(connection, name)
    if collection_exists(connection, name):
        raise CollectionExists(f"There is a collection {name!r} already.")
    connection.execute(
        insert(collections).values(name=name, created_at=datetime.now(UTC), **_columns(settings))
    )


def change_collection(connection: Connection, name: str, settings: CollectionSettings) -> None:
    """Set the collection up so instead; `CollectionNotFound` without it.

    Documents keep their metadata: a value that does not fit its type now matches nothing.
    """
    changed = connection.execute(
        update(collections).where(collections.c.name == name).values(**_columns(settings))
    )
    if not changed.rowcount:
        raise collection_not_found(name)


def documents_in(connection: Connection, name: str) -> list[str]:
    """Ids of all its documents that are not attached to another, also of those being deleted."""
    rows = connection.execute(
        select(documents.c.id)
        .where(documents.c.collection == name, documents.c.parent_id.is_(None))
        .order_by(documents.c.id)
    )
    return [row.id for row in rows]


def drop_collection(connection: Connection, name: str) -> bool:
    """Remove an empty collection with its conversations and answers; False while it is not empty.

    Raises `CollectionNotFound`.
    """
    row = select(collections.c.name).where(collections.c.name == name).with_for_update()
    if connection.execute(row).first() is None:
        raise collection_not_found(name)
    held = select(documents.c.id).where(documents.c.collection == name).limit(1)
    if connection.execute(held).first() is not None:
        return False
    forget_collection(connection, name)
    connection.execute(delete(collections).where(collections.c.name == name))
    return True


def settings_of(connection: Connection, name: str) -> CollectionSettings | None:
    """How the collection is set up; None when there is none of this name."""
    row = connection.execute(select(collections).where(collections.c.name == name)).mappings()
    found = row.first()
    return None if found is None else _settings(found)


def declared_fields(connection: Connection, name: str) -> DeclaredFields:
    """The metadata fields that it declares; nothing when there is no such collection."""
    settings = settings_of(connection, name)
    return {} if settings is None else settings.metadata_fields


def collection_exists(connection: Connection, name: str) -> bool:
    """Whether it was made, or anything was ever uploaded to it."""
    found = connection.execute(select(collections.c.name).where(collections.c.name == name))
    return found.first() is not None


def collections_made(connection: Connection, reader: Reader) -> dict[str, datetime]:
    """When each of the reader's was made, by name; counts nothing, so it is quick."""
    rows = connection.execute(select(collections.c.name, collections.c.created_at))
    return {row.name: row.created_at for row in rows if reader.knows(row.name)}


def list_collections(connection: Connection, reader: Reader) -> list[CollectionSummary]:
    """The reader's collections by name, with the number of documents that they may read."""
    rows = connection.execute(_summaries(reader).order_by(collections.c.name))
    return [_summary(row) for row in rows.mappings()]


def find_collection(
    connection: Connection, name: str, reader: Reader, *, to_change: bool = False
) -> CollectionSummary:
    """The collection with its number of documents, or `CollectionNotFound`.

    `to_change`: nobody else changes its settings until the transaction ends.
    """
    if to_change:
        row = select(collections.c.name).where(collections.c.name == name)
        connection.execute(row.with_for_update(key_share=True))
    its_summary = _summaries(reader).where(collections.c.name == name)
    found = connection.execute(its_summary).mappings().first()
    if found is None:
        raise collection_not_found(name)
    return _summary(found)


def _summaries(reader: Reader) -> Select[tuple[object, ...]]:
    counted = (documents.c.deleted_at.is_(None), is_readable(reader))
    its_documents = (
        select(func.count())
        .where(documents.c.collection == collections.c.name, *counted)
        .scalar_subquery()
    )
    its_chunks = (
        select(func.coalesce(func.sum(versions.c.chunks), 0))
        .join(
            documents,
            (documents.c.id == versions.c.document_id)
            & (documents.c.live_version == versions.c.version),
        )
        .where(documents.c.collection == collections.c.name, *counted)
        .scalar_subquery()
    )
    found = select(collections, its_documents.label("documents"), its_chunks.label("chunks"))
    if reader.collections is None:
        return found
    return found.where(collections.c.name.in_(sorted(reader.collections)))


def _summary(row: RowMapping) -> CollectionSummary:
    return CollectionSummary(
        name=row["name"],
        documents=row["documents"],
        chunks=row["chunks"],
        fingerprint=row["fingerprint"],
        created_at=row["created_at"],
        settings=_settings(row),
    )


def _settings(row: RowMapping) -> CollectionSettings:
    stored: Mapping[str, str] = row["metadata_fields"] or {}
    return CollectionSettings(
        description=row["description"],
        metadata_fields={name: FieldType(kind) for name, kind in stored.items()},
        persona=row["persona"] or {},
        persona_is_fixed=row["persona_is_fixed"],
        llm_model=row["llm_model"],
        top_k=row["top_k"],
    )


def _columns(settings: CollectionSettings) -> dict[str, Any]:
    return {
        "description": settings.description,
        "metadata_fields": dict(settings.metadata_fields),
        "persona": dict(settings.persona),
        "persona_is_fixed": settings.persona_is_fixed,
        "llm_model": settings.llm_model,
        "top_k": settings.top_k,
    }
