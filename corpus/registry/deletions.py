"""The registry's part of deleting: the tombstone that hides, and the end of the rows.

Between the two, the caller removes what other stores hold (corpus/deletion.py).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from corpus.access import Reader
from corpus.registry.access import is_readable
from corpus.registry.documents import find_document
from corpus.registry.families import children_of, parent_of, remember_dropped
from corpus.registry.identities import as_deleted
from corpus.registry.jobs import drop_jobs
from corpus.registry.locks import lock_contents, lock_document
from corpus.registry.schema import documents, jobs, pages, versions
from corpus.registry.turns import remove_answers_from


def bury(connection: Connection, document_id: str, reader: Reader) -> list[str]:
    """From this commit on no answer uses the document, and its identity is free again.

    All that is attached to it goes with it. The ids of everything that is to be removed now, the
    document's own first. Harmless for a document whose deletion began before and did not end;
    `DocumentNotFound` when there is none.

    An attachment that is deleted by itself stays away until its parent has other bytes: whoever
    deleted it does not have it back because the same mail is read again.
    """
    parent_id = parent_of(connection, document_id)
    if parent_id is not None:
        lock_document(connection, parent_id)
    lock_document(connection, document_id)
    is_begun = (documents.c.id == document_id) & documents.c.deleted_at.is_not(None)
    begun = select(documents.c.id).where(is_begun, is_readable(reader))
    if connection.execute(begun).first() is None:
        find_document(connection, document_id, reader)
        remember_dropped(connection, document_id)
    return bury_family(connection, document_id)


def bury_family(connection: Connection, document_id: str) -> list[str]:
    """As `bury`, of what nobody asked to be rid of: nothing keeps it from coming back."""
    family: list[str] = []
    generation = [document_id]
    while generation:
        for one in generation:
            lock_document(connection, one)
            _hide(connection, one)
        family += generation
        generation = children_of(connection, generation)
    return family


def _hide(connection: Connection, document_id: str) -> None:
    connection.execute(
        update(documents)
        .where(documents.c.id == document_id, documents.c.deleted_at.is_(None))
        .values(deleted_at=datetime.now(UTC), identity=as_deleted(document_id))
    )
    drop_jobs(connection, document_id)
    remove_answers_from(connection, [document_id])


def buried(connection: Connection, *, for_s: float = 0.0) -> list[str]:
    """Ids of the documents whose deletion began `for_s` seconds ago or more, and did not end."""
    then = datetime.now(UTC) - timedelta(seconds=for_s)
    rows = connection.execute(select(documents.c.id).where(documents.c.deleted_at <= then))
    return [row.id for row in rows]


def forget(connection: Connection, document_id: str) -> list[str]:
    """Remove the last rows of a buried document; the sha256 of the originals nobody needs now.

    Until the transaction ends, uploads of the same bytes wait: the originals can be deleted.
    """
    rows = connection.execute(
        select(versions.c.content_sha256).where(versions.c.document_id == document_id)
    )
    contents = sorted({row.content_sha256 for row in rows})
    lock_contents(connection, contents)
    lock_document(connection, document_id)
    for table, key in (
        (pages, pages.c.document_id),
        (versions, versions.c.document_id),
        (jobs, jobs.c.document_id),
        (documents, documents.c.id),
    ):
        connection.execute(delete(table).where(key == document_id))
    return [content for content in contents if not is_referenced(connection, content)]


def is_referenced(connection: Connection, content_sha256: str) -> bool:
    """Whether any version still needs this original."""
    rows = connection.execute(
        select(versions.c.version).where(versions.c.content_sha256 == content_sha256).limit(1)
    )
    return rows.first() is not None
