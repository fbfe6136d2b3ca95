"""A collection remembers how its nodes were embedded."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, exists, select, update

from corpus.errors import EmbeddingMismatch
from corpus.registry.schema import collections, documents


def check_fingerprints(connection: Connection, current: Mapping[str, object]) -> None:
    """Raise `EmbeddingMismatch` if a collection with documents was embedded unlike `current`."""
    has_documents = exists().where(
        documents.c.collection == collections.c.name, documents.c.deleted_at.is_(None)
    )
    rows = connection.execute(
        select(collections.c.name, collections.c.fingerprint)
        .where(collections.c.fingerprint.is_not(None), has_documents)
        .order_by(collections.c.name)
    )
    for name, stored in rows:
        changed = sorted(key for key in current if stored.get(key) != current[key])
        if changed:
            raise EmbeddingMismatch(
                f"Collection {name!r} was embedded by {stored.get('model')} with other "
                f"{', '.join(changed)} than configured now ({current.get('model')}).",
                hint="Set LECTERN_EMBEDDING and LECTERN_EMBEDDING_MODEL back, or start with a new "
                "LECTERN_DATA_DIR and add the documents again.",
            )


def remember_fingerprint(
    connection: Connection, collection: str, current: Mapping[str, object]
) -> None:
    """Note how the collection is embedded; `check_fingerprints` let the process start with it."""
    connection.execute(
        update(collections)
        .where(collections.c.name == collection)
        .values(fingerprint=dict(current))
    )
