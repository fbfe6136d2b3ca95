"""A collection remembers how its nodes were embedded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Exists, delete, exists, func, or_, select, update

from corpus.errors import EmbeddingMismatch, IndexSuperseded
from corpus.registry.locks import lock_embedding
from corpus.registry.schema import asked, collections, documents

CHUNKER = "chunker_version"


def begin_as(connection: Connection, current: Mapping[str, Any]) -> None:
    """A process that embeds as `current` says may begin, or `EmbeddingMismatch`.

    Collections that were embedded otherwise, and emptied since, forget how.
    """
    check_fingerprints(connection, current)
    if _emptied_unlike(connection, current):
        lock_embedding(connection)
        for name in _emptied_unlike(connection, current):
            connection.execute(
                update(collections).where(collections.c.name == name).values(fingerprint=None)
            )


def _emptied_unlike(connection: Connection, current: Mapping[str, Any]) -> list[str]:
    query = select(collections.c.name, collections.c.fingerprint).where(
        collections.c.fingerprint.is_not(None), ~_has_documents()
    )
    return [
        name for name, stored in connection.execute(query) if not are_comparable(stored, current)
    ]


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
            key for key in current if stored.get(key) != current[key] and key != CHUNKER
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


def require_current(connection: Connection, current: Mapping[str, Any]) -> None:
    """Raise `IndexSuperseded` where the nodes in the index are not embedded as `current` says.

    A process looked when it began: since then everything was embedded anew.
    """
    _require_comparable(stored_fingerprint(connection), current)


def _require_comparable(stored: Mapping[str, Any] | None, current: Mapping[str, Any]) -> None:
    if stored is not None and not are_comparable(stored, current):
        raise IndexSuperseded(
            f"Everything was embedded anew by {stored.get('model')}, "
            f"and this process embeds by {current.get('model')}, as before.",
        )


def are_comparable(one: Mapping[str, Any] | None, other: Mapping[str, Any]) -> bool:
    """Whether vectors of both can be in one index, whoever cut the chunks."""
    fields = {*other} - {CHUNKER}
    return one is not None and all(one.get(field) == other[field] for field in fields)


def switch_fingerprints(connection: Connection, current: Mapping[str, Any]) -> None:
    """All nodes are embedded as `current` says from now on, and cut as they were before.

    Versions are completed before, and seen here, or refused after (`hold_fingerprint`). What was
    asked is forgotten: it was embedded for comparing with questions of before.
    """
    lock_embedding(connection)
    query = select(collections.c.name, collections.c.fingerprint).where(
        collections.c.fingerprint.is_not(None)
    )
    for name, stored in connection.execute(query).all():
        chunker = stored.get(CHUNKER, current[CHUNKER])
        remember_fingerprint(connection, name, {**current, CHUNKER: chunker})
    connection.execute(delete(asked))


def forget_fingerprints(connection: Connection) -> None:
    """No collection is embedded any more; the next ingestion says how it is."""
    connection.execute(update(collections).values(fingerprint=None))


def chunker_of(fingerprint: Mapping[str, object]) -> int:
    """The version of the chunker that it names; 0 where it names none."""
    version = fingerprint.get(CHUNKER, 0)
    return version if isinstance(version, int) else 0


def is_cut_by(version: int) -> ColumnElement[bool]:
    """Of a row of `collections`: whether this version, or an older one, cuts it."""
    return or_(
        collections.c.fingerprint.is_(None),
        func.coalesce(collections.c.fingerprint[CHUNKER].as_integer(), 0) <= version,
    )


def hold_fingerprint(connection: Connection, collection: str, current: Mapping[str, Any]) -> bool:
    """Keep others from embedding the collection otherwise until the transaction ends.

    Comes before any other lock. A collection that was never embedded is so as `current` says from
    now on. False where a newer chunker cuts it: then its documents are not for who asks. Raises
    `IndexSuperseded`.
    """
    stored = _fingerprint_of(connection, collection)
    lock_embedding(connection, among_others=stored is not None)
    require_current(connection, current)
    stored = _fingerprint_of(connection, collection)
    if stored is None:
        remember_fingerprint(connection, collection, current)
        return True
    _require_comparable(stored, current)
    return chunker_of(stored) <= chunker_of(current)


def _fingerprint_of(connection: Connection, collection: str) -> Mapping[str, Any] | None:
    query = select(collections.c.fingerprint).where(collections.c.name == collection)
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else dict(found)


def remember_fingerprint(
    connection: Connection, collection: str, current: Mapping[str, object]
) -> None:
    """Note how the collection is embedded; whoever does so holds the lock."""
    connection.execute(
        update(collections)
        .where(collections.c.name == collection)
        .values(fingerprint=dict(current))
    )
