"""Waiting for one's turn within a transaction.

SQLite lets one transaction write at a time, so there all of this is nothing. On Postgres they run
side by side, each statement seeing what was committed before it (READ COMMITTED): whoever decides
by what it reads takes the lock first, then reads. Locks end with the transaction.

Nobody waits in a circle as long as everyone takes them in this order, and several of a kind sorted:
the embedding, contents, external ids, collections, documents, jobs; but a document before what is
attached to it.
Where a deletion, which does so, meets one who takes many documents in the order of their ids, the
database ends one of them: `StorageUnavailable`, and it is tried again. The rows of versions and
pages belong to whoever has the document's.
"""

from __future__ import annotations

from collections.abc import Collection
from hashlib import blake2b

from sqlalchemy import BigInteger, Connection, func, literal, select, text

from corpus.registry.schema import collections, documents

_POSTGRES = "postgresql"


def lock_embedding(connection: Connection, *, among_others: bool = False) -> None:
    """Keep others from changing how nodes are embedded and cut, and from completing versions.

    `among_others`: those who complete versions do not wait for each other.
    """
    _lock(connection, "embedding", "", is_shared=among_others)


def lock_contents(connection: Connection, sha256s: Collection[str]) -> None:
    """Keep others from adding documents of these bytes, and from deleting these originals."""
    for sha256 in sorted(sha256s):
        _lock(connection, "content", sha256)


def lock_external_id(connection: Connection, collection: str, external_id: str) -> None:
    """Keep others from adding a document under this id."""
    _lock(connection, "external", f"{collection}/{external_id}")


def lock_collection_name(connection: Connection, name: str) -> None:
    """Keep others from making a collection of this name."""
    _lock(connection, "collection", name)


def hold_collection(connection: Connection, name: str) -> bool:
    """Keep others from deleting the collection; False when there is none of this name."""
    row = select(collections.c.name).where(collections.c.name == name)
    held = row.with_for_update(read=True, key_share=True)
    return connection.execute(held).first() is not None


def lock_document(connection: Connection, document_id: str) -> None:
    """Keep others from changing the document, its versions and its pages; harmless without one."""
    connection.execute(
        select(documents.c.id).where(documents.c.id == document_id).with_for_update()
    )


def lock_audience(connection: Connection, name: str) -> None:
    """Keep others from adding this audience; nothing else is locked after it."""
    _lock(connection, "audience", name)


def lock_slack(connection: Connection, event_id: str) -> None:
    """Keep others from taking this event of Slack; nothing else is locked with it."""
    _lock(connection, "slack", event_id)


def lock_key(connection: Connection, name: str) -> None:
    """Keep others from changing this key, or counting what it is used for; nothing else after."""
    _lock(connection, "key", name)


def lock_installation(connection: Connection) -> None:
    """Keep others from giving the installation an id; nothing else is locked with it."""
    _lock(connection, "installation", "")


def lock_schema(connection: Connection) -> None:
    """Keep others from making or migrating the tables; a migration may take its time."""
    if connection.dialect.name == _POSTGRES:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL lock_timeout = '600s'"))
    _lock(connection, "schema", "")


def _lock(connection: Connection, kind: str, name: str, *, is_shared: bool = False) -> None:
    if connection.dialect.name != _POSTGRES:
        return
    # The keys of advisory locks are 64 bits wide and shared by all users of the database.
    said = f"lectern/{kind}/{name}".encode(errors="backslashreplace")
    key = int.from_bytes(blake2b(said, digest_size=8).digest(), signed=True)
    lock = func.pg_advisory_xact_lock_shared if is_shared else func.pg_advisory_xact_lock
    connection.execute(select(lock(literal(key, BigInteger))))
