"""A collection remembers how its nodes were embedded."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select, update

from corpus.errors import EmbeddingMismatch
from corpus.registry.schema import collections


def check_fingerprints(connection: Connection, current: Mapping[str, object]) -> None:
    """Raise `EmbeddingMismatch` if a collection was embedded differently from `current`."""
    rows = connection.execute(
        select(collections.c.name, collections.c.fingerprint).order_by(collections.c.name)
    )
    for name, stored in rows:
        if stored is not None and stored != dict(current):
            changed = sorted(key for key in current if stored.get(key) != current[key])
            raise EmbeddingMismatch(
                f"Collection {name!r} was embedded by {stored.get('model')} with other "
                f"{', '.join(changed)} than configured now ({current.get('model')}).",
                hint="Set LECTERN_EMBEDDING (and LECTERN_EMBEDDING_MODEL, LECTERN_CHUNK_TOKENS) "
                "back, or start with a new LECTERN_DATA_DIR and add the documents again.",
            )


def remember_fingerprint(
    connection: Connection, collection: str, current: Mapping[str, object]
) -> None:
    """Note how the collection is embedded, if it does not know yet."""
    connection.execute(
        update(collections)
        .where(collections.c.name == collection, collections.c.fingerprint.is_(None))
        .values(fingerprint=dict(current))
    )
