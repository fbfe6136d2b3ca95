"""A collection remembers how its nodes were embedded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Exists, delete, exists, select, update

from corpus.access import UNRESTRICTED
from corpus.errors import EmbeddingMismatch
from corpus.registry.schema import asked, collections, documents
from corpus.registry.steering import ingest_again

_CHUNKER = "chunker_version"


def check_fingerprints(connection: Connection, current: Mapping[str, object]) -> None:
    """Raise `EmbeddingMismatch` if a collection with documents was embedded unlike `current`.

    Other chunks are no mismatch: `rechunk` has them made anew.
    """
    rows = connection.execute(
        select(collections.c.name, collections.c.fingerprint)
        .where(collections.c.fingerprint.is_not(None), _has_documents())
        .order_by(collections.c.name)
    )
    for name, stored in rows:
        changed = sorted(
            key for key in current if stored.get(key) != current[key] and key != _CHUNKER
        )
        if changed:
            raise EmbeddingMismatch(
                f"Collection {name!r} was embedded by {stored.get('model')} with other "
                f"{', '.join(changed)} than configured now ({current.get('model')}).",
                hint="Set LECTERN_EMBEDDING and LECTERN_EMBEDDING_MODEL back, or embed all again "
                "as configured now: lectern reindex.",
            )


def _has_documents() -> Exists:
    """Of a row of `collections`: what was embedded for it is still there."""
    return exists().where(
        documents.c.collection == collections.c.name, documents.c.deleted_at.is_(None)
    )


def stored_fingerprint(connection: Connection) -> Mapping[str, Any] | None:
    """How the nodes in the index were embedded; None when there are none.

    All collections with documents agree, but for their chunker: the first one's is given.
    """
    query = select(collections.c.fingerprint).where(
        collections.c.fingerprint.is_not(None), _has_documents()
    )
    found = connection.execute(query.order_by(collections.c.name).limit(1)).scalar_one_or_none()
    return None if found is None else dict(found)


def are_comparable(one: Mapping[str, Any] | None, other: Mapping[str, Any]) -> bool:
    """Whether vectors of both can be in one index, whoever cut the chunks."""
    fields = {*other} - {_CHUNKER}
    return one is not None and all(one.get(field) == other[field] for field in fields)


def switch_fingerprints(connection: Connection, current: Mapping[str, Any]) -> None:
    """All nodes are embedded as `current` says from now on, and cut as they were before.

    What was asked is forgotten: it was embedded for comparing with questions of before.
    """
    query = select(collections.c.name, collections.c.fingerprint).where(
        collections.c.fingerprint.is_not(None)
    )
    for name, stored in connection.execute(query.with_for_update()).all():
        chunker = stored.get(_CHUNKER, current[_CHUNKER])
        remember_fingerprint(connection, name, {**current, _CHUNKER: chunker})
    connection.execute(delete(asked))


def read_all_again(connection: Connection) -> int:
    """Queue all documents that answer, which they go on doing; how many."""
    names = select(collections.c.name).order_by(collections.c.name)
    return sum(_read_again(connection, name) for name in connection.execute(names).scalars().all())


def forget_fingerprints(connection: Connection) -> None:
    """No collection is embedded any more; the next ingestion says how it is."""
    connection.execute(update(collections).values(fingerprint=None))


def rechunk(connection: Connection, current: Mapping[str, object]) -> int:
    """Have the documents read again that another chunker cut; how many.

    Vectors of both kinds of chunks can be compared, so the versions there are answer meanwhile.
    """
    queued = 0
    for name, stored in connection.execute(
        select(collections.c.name, collections.c.fingerprint)
        .where(collections.c.fingerprint.is_not(None))
        .order_by(collections.c.name)
        .with_for_update()
    ).all():
        if stored.get(_CHUNKER) == current[_CHUNKER]:
            continue
        remember_fingerprint(connection, name, {**stored, _CHUNKER: current[_CHUNKER]})
        queued += _read_again(connection, name)
    return queued


def _read_again(connection: Connection, collection: str) -> int:
    current = connection.execute(
        select(documents.c.id)
        .where(
            documents.c.collection == collection,
            documents.c.deleted_at.is_(None),
            documents.c.live_version == documents.c.version,
        )
        .order_by(documents.c.id)
    ).scalars()
    queued = 0
    for document_id in current.all():
        ingest_again(connection, document_id, UNRESTRICTED, is_bulk=True)
        queued += 1
    return queued


def remember_fingerprint(
    connection: Connection, collection: str, current: Mapping[str, object]
) -> None:
    """Note how the collection is embedded; `check_fingerprints` let the process start with it."""
    connection.execute(
        update(collections)
        .where(collections.c.name == collection)
        .values(fingerprint=dict(current))
    )
