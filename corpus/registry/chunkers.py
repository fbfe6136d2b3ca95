"""Which version of the chunker cut a collection: only ever a newer one takes over.

During an update processes of two versions run side by side. What the newer one has read again, an
older one neither queues anew nor cuts as before: it leaves those documents to the newer.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, func, select

from corpus.access import UNRESTRICTED
from corpus.registry.fingerprints import CHUNKER, chunker_of, is_cut_by, remember_fingerprint
from corpus.registry.locks import lock_embedding
from corpus.registry.schema import collections, documents, jobs
from corpus.registry.steering import ingest_again


def rechunk(connection: Connection, version: int) -> int:
    """Have the documents read again that an older chunker cut; how many.

    Vectors of both kinds of chunks can be compared, so the versions there are answer meanwhile.
    No version is completed until the transaction ends: where there are many documents, most are
    queued by `rechunk_ahead` before.
    """
    if not _cut_before(connection, version):
        return 0
    lock_embedding(connection)
    queued = 0
    for name, stored in _cut_before(connection, version).items():
        remember_fingerprint(connection, name, {**stored, CHUNKER: version})
        queued += _read_again(connection, name)
    return queued


def rechunk_ahead(connection: Connection, version: int, *, at_most: int) -> int:
    """Queue some of what `rechunk` would; how many, 0 at the end.

    The documents are locked until the transaction ends, so that a few at a time are in nobody's
    way. `rechunk` then finds what changed since.
    """
    queued = 0
    for name in _cut_before(connection, version):
        queued += _read_again(connection, name, at_most=at_most - queued)
        if queued >= at_most:
            break
    return queued


def cut_all_by(connection: Connection, version: int) -> None:
    """Have this version of the chunker cut from now on, also where a newer one had been here."""
    lock_embedding(connection)
    for name, stored in _fingerprints(connection).items():
        remember_fingerprint(connection, name, {**stored, CHUNKER: version})


def read_all_again(connection: Connection) -> int:
    """Queue all documents that answer, which they go on doing; how many."""
    names = select(collections.c.name).order_by(collections.c.name)
    return sum(_read_again(connection, name) for name in connection.execute(names).scalars().all())


def count_left_to_newer(connection: Connection, version: int) -> int:
    """How many versions wait for a worker whose chunker is newer than this."""
    query = (
        select(func.count())
        .select_from(jobs)
        .join(documents, documents.c.id == jobs.c.document_id)
        .join(collections, collections.c.name == documents.c.collection)
        .where(jobs.c.state == "queued", ~is_cut_by(version))
    )
    return connection.execute(query).scalar_one()


def _fingerprints(connection: Connection) -> dict[str, Mapping[str, object]]:
    rows = connection.execute(
        select(collections.c.name, collections.c.fingerprint)
        .where(collections.c.fingerprint.is_not(None))
        .order_by(collections.c.name)
    )
    return {row.name: row.fingerprint for row in rows}


def _cut_before(connection: Connection, version: int) -> dict[str, Mapping[str, object]]:
    """The fingerprints of collections that an older chunker than this version cut, by name."""
    return {
        name: stored
        for name, stored in _fingerprints(connection).items()
        if chunker_of(stored) < version
    }


def _read_again(connection: Connection, collection: str, *, at_most: int | None = None) -> int:
    current = connection.execute(
        select(documents.c.id)
        .where(
            documents.c.collection == collection,
            documents.c.deleted_at.is_(None),
            documents.c.live_version == documents.c.version,
        )
        .order_by(documents.c.id)
        .limit(at_most)
    ).scalars()
    queued = 0
    for document_id in current.all():
        ingest_again(connection, document_id, UNRESTRICTED, is_bulk=True)
        queued += 1
    return queued
