"""A person's say in an ingestion: stop it, or have it done again."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection

from corpus.access import Reader
from corpus.registry.documents import find_document
from corpus.registry.jobs import drop_jobs
from corpus.registry.locks import lock_document
from corpus.registry.new_versions import Content, add_next_version, queue_again
from corpus.registry.version_status import show_status
from corpus.values import Document, ErrorReport, Status

_CANCELLED = ErrorReport(
    code="cancelled",
    detail="Ingestion was cancelled.",
    hint="POST /documents/{id}/retry starts it again.",
)


def cancel_ingestion(connection: Connection, document_id: str, reader: Reader) -> Document:
    """End the newest version's ingestion as failed (`cancelled`); what is final stays as it is.

    A version that answered before goes on answering. Raises `DocumentNotFound`.
    """
    lock_document(connection, document_id)
    document = find_document(connection, document_id, reader)
    if document.status.is_final:
        return document
    drop_jobs(connection, document_id)
    show_status(connection, document_id, document.version, Status.FAILED, error=_CANCELLED)
    return find_document(connection, document_id, reader)


def ingest_again(
    connection: Connection, document_id: str, reader: Reader, *, is_bulk: bool = False
) -> Document:
    """Have the newest version's bytes read again; one that is queued or at work stays as it is.

    A failed version is queued once more. One that answers goes on doing so: its bytes become the
    next version, which takes over when it is complete (after OCR was installed, for instance).
    Raises `DocumentNotFound`.
    """
    lock_document(connection, document_id)
    document = find_document(connection, document_id, reader)
    now = datetime.now(UTC)
    if document.status is Status.FAILED:
        queue_again(connection, document_id, document.version, now, is_bulk=is_bulk)
    elif document.status.is_final:
        content = Content(document.content_sha256, document.size_bytes, document.media_type)
        add_next_version(connection, document, document.filename, content, now, is_bulk=is_bulk)
    return find_document(connection, document_id, reader)
