"""Accepting what callers say of documents: document, version and job in their one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, delete, func, insert, select, update

from corpus.errors import DuplicateContent
from corpus.registry.documents import find_document
from corpus.registry.schema import collections, documents, jobs, versions
from corpus.values import Document, Status


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of an upload, measured: lower-case hex sha256, and the kind found in them."""

    sha256: str
    size_bytes: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Upload:
    """What a person said about a file that they handed over."""

    collection: str
    filename: str
    external_id: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    acl: tuple[str, ...] = ()

    def identity(self, content: Content) -> str:
        """What makes another upload the same document: its external id, else its bytes."""
        if self.external_id is not None:
            return f"external:{self.external_id}"
        return f"sha256:{content.sha256}"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """`duplicate`: the same bytes are this document's newest version already."""

    document: Document
    duplicate: bool


def accept_upload(connection: Connection, upload: Upload, content: Content) -> Acceptance:
    """Register the upload and queue it.

    The same bytes again are a duplicate: queued again if they had failed, and the metadata and
    access of the first upload stay. New bytes under a known external id become the next version. A
    concurrent upload of the same identity makes this raise `sqlalchemy.exc.IntegrityError`, where
    the database has concurrent writers: accept it again.
    """
    now = datetime.now(UTC)
    _ensure_collection(connection, upload.collection, now)
    known = _find_by_identity(connection, upload.collection, upload.identity(content))
    if known is None:
        document_id = str(uuid4())
        connection.execute(
            insert(documents).values(
                id=document_id,
                collection=upload.collection,
                identity=upload.identity(content),
                external_id=upload.external_id,
                version=1,
                metadata=upload.metadata,
                acl=list(upload.acl),
                created_at=now,
                updated_at=now,
            )
        )
        _add_version(connection, document_id, 1, upload.filename, content, now)
        return Acceptance(find_document(connection, document_id), duplicate=False)
    document = find_document(connection, known)
    if document.content_sha256 == content.sha256:
        return _again(connection, document, now)
    connection.execute(
        update(documents)
        .where(documents.c.id == document.id)
        .values(metadata=upload.metadata, acl=list(upload.acl))
    )
    return _next_version(connection, document, upload.filename, content, now)


def accept_replacement(
    connection: Connection, document_id: str, filename: str, content: Content
) -> Acceptance:
    """Queue new bytes as the document's next version; metadata and access stay.

    The bytes that it has are a duplicate. Raises `DocumentNotFound`, and `DuplicateContent` when
    the document is known by its bytes and another one of the collection has these.
    """
    now = datetime.now(UTC)
    document = find_document(connection, document_id)
    if document.content_sha256 == content.sha256:
        return _again(connection, document, now)
    if document.external_id is None:
        identity = Upload(document.collection, filename).identity(content)
        if _find_by_identity(connection, document.collection, identity) is not None:
            raise DuplicateContent(
                f"Another document of the collection {document.collection!r} has these bytes."
            )
        connection.execute(
            update(documents).where(documents.c.id == document.id).values(identity=identity)
        )
    return _next_version(connection, document, filename, content, now)


def change_attributes(
    connection: Connection,
    document_id: str,
    *,
    metadata: dict[str, Any] | None = None,
    acl: tuple[str, ...] | None = None,
) -> Document:
    """Put other metadata, other access, or both in place; None leaves what is there.

    Nothing is embedded again: neither is part of a node. Raises `DocumentNotFound`.
    """
    find_document(connection, document_id)
    changed: dict[str, Any] = {"updated_at": datetime.now(UTC)}
    if metadata is not None:
        changed["metadata"] = metadata
    if acl is not None:
        changed["acl"] = list(acl)
    connection.execute(update(documents).where(documents.c.id == document_id).values(changed))
    return find_document(connection, document_id)


def count_waiting(connection: Connection) -> int:
    """How many versions wait for a worker."""
    waiting = select(func.count()).select_from(jobs).where(jobs.c.state == "queued")
    return connection.execute(waiting).scalar_one()


def _again(connection: Connection, document: Document, now: datetime) -> Acceptance:
    if document.status is Status.FAILED:
        _queue_again(connection, document.id, document.version, now)
    return Acceptance(find_document(connection, document.id), duplicate=True)


def _next_version(
    connection: Connection, document: Document, filename: str, content: Content, now: datetime
) -> Acceptance:
    # What waits of the older versions would only be replaced again.
    connection.execute(
        delete(jobs).where(
            jobs.c.document_id == document.id, jobs.c.state.in_(["queued", "running"])
        )
    )
    connection.execute(
        update(documents)
        .where(documents.c.id == document.id)
        .values(version=document.version + 1, updated_at=now)
    )
    _add_version(connection, document.id, document.version + 1, filename, content, now)
    return Acceptance(find_document(connection, document.id), duplicate=False)


def _ensure_collection(connection: Connection, name: str, now: datetime) -> None:
    known = connection.execute(select(collections.c.name).where(collections.c.name == name))
    if known.first() is None:
        connection.execute(insert(collections).values(name=name, created_at=now))


def _find_by_identity(connection: Connection, collection: str, identity: str) -> str | None:
    """The id of the document that these two name."""
    found = select(documents.c.id).where(
        documents.c.collection == collection, documents.c.identity == identity
    )
    return connection.execute(found).scalar_one_or_none()


def _add_version(
    connection: Connection,
    document_id: str,
    version: int,
    filename: str,
    content: Content,
    now: datetime,
) -> None:
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
    connection.execute(
        insert(jobs).values(
            id=str(uuid4()),
            document_id=document_id,
            version=version,
            state="queued",
            run_after=now,
            created_at=now,
        )
    )


def _queue_again(connection: Connection, document_id: str, version: int, now: datetime) -> None:
    connection.execute(
        update(versions)
        .where(versions.c.document_id == document_id, versions.c.version == version)
        .values(status=Status.QUEUED, error=None, progress_done=0, progress_total=0, updated_at=now)
    )
    connection.execute(
        update(jobs)
        .where(jobs.c.document_id == document_id, jobs.c.version == version)
        .values(state="queued", claims=0, failures=0, worker=None, lease_until=None, run_after=now)
    )
