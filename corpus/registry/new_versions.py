"""Versions that are to be ingested: a document's first, its next, and one once more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, update

from corpus.registry.jobs import drop_jobs, enqueue
from corpus.registry.schema import documents, versions
from corpus.registry.version_status import show_status
from corpus.values import Document, Status


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of an upload, measured: lower-case hex sha256, and the kind found in them."""

    sha256: str
    size_bytes: int
    media_type: str


def add_version(
    connection: Connection,
    document_id: str,
    version: int,
    filename: str,
    content: Content,
    now: datetime,
    is_bulk: bool,
) -> None:
    """Add a version of a document, with the job to ingest it."""
    connection.execute(
        insert(versions).values(
            document_id=document_id,
            version=version,
            filename=filename,
            content_sha256=content.sha256,
            size_bytes=content.size_bytes,
            media_type=content.media_type,
            status=Status.QUEUED,
            updated_at=now,
        )
    )
    enqueue(connection, document_id, version, now, is_bulk=is_bulk)


def add_next_version(
    connection: Connection,
    document: Document,
    filename: str,
    content: Content,
    now: datetime,
    *,
    is_bulk: bool = False,
) -> None:
    """Queue these bytes as the document's newest version; the live one answers until it is done."""
    # What waits of the older versions would only be replaced again.
    drop_jobs(connection, document.id)
    connection.execute(
        update(documents)
        .where(documents.c.id == document.id)
        .values(version=document.version + 1, updated_at=now)
    )
    add_version(connection, document.id, document.version + 1, filename, content, now, is_bulk)


def queue_again(
    connection: Connection, document_id: str, version: int, now: datetime, *, is_bulk: bool = False
) -> None:
    """Queue a version from the beginning, and show it so."""
    show_status(connection, document_id, version, Status.QUEUED)
    enqueue(connection, document_id, version, now, is_bulk=is_bulk)
