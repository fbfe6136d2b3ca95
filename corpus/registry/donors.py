"""Which versions may lend the embeddings of their chunks to a version that is being ingested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from corpus.registry.schema import collections, documents, versions


@dataclass(frozen=True, slots=True)
class Donor:
    """A version in the index, whose nodes have the ordinals 0 to `chunks` - 1."""

    document_id: str
    version: int
    chunks: int


def find_donors(
    connection: Connection,
    document_id: str,
    content_sha256: str,
    fingerprint: Mapping[str, str | int | bool],
) -> list[Donor]:
    """The live version of the document, then that of one other document with the same bytes.

    Of the same collection: how much was reused is told to the uploader, and must not tell what
    other collections hold. Either may be missing. Only versions that were embedded as
    `fingerprint` says. What is named here may be deleted a moment later: whoever takes from it
    finds less, and nothing wrong.
    """
    live = (
        select(documents.c.id, versions.c.version, versions.c.chunks, collections.c.fingerprint)
        .join(
            versions,
            (versions.c.document_id == documents.c.id)
            & (versions.c.version == documents.c.live_version),
        )
        .join(collections, collections.c.name == documents.c.collection)
        .where(documents.c.deleted_at.is_(None))
    )
    its_collection = (
        select(documents.c.collection).where(documents.c.id == document_id).scalar_subquery()
    )
    own = live.where(documents.c.id == document_id)
    twin = (
        live.where(
            documents.c.id != document_id,
            documents.c.collection == its_collection,
            versions.c.content_sha256 == content_sha256,
        )
        .order_by(documents.c.id)
        .limit(1)
    )
    rows = [row for query in (own, twin) for row in connection.execute(query)]
    return [
        Donor(found, version, chunks)
        for found, version, chunks, embedded_as in rows
        if embedded_as == dict(fingerprint)
    ]
