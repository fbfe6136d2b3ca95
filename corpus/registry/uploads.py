"""Accepting an upload: document, version and job in the caller's one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

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
        _add_version(connection, document_id, 1, upload, content, now)
        return Acceptance(find_document(connection, document_id), duplicate=False)

    document_id, version = known["id"], known["version"]
    if known["content_sha256"] == content.sha256:
        if known["status"] == Status.FAILED:
            _queue_again(connection, document_id, version, now)
        return Acceptance(find_document(connection, document_id), duplicate=True)
    connection.execute(
        update(documents)
        .where(documents.c.id == document_id)
        .values(version=version + 1, metadata=upload.metadata, acl=list(upload.acl), updated_at=now)
    )
    # What waits of the older versions would only be replaced again.
    connection.execute(
        delete(jobs).where(
            jobs.c.document_id == document_id, jobs.c.state.in_(["queued", "running"])
        )
    )
    _add_version(connection, document_id, version + 1, upload, content, now)
    return Acceptance(find_document(connection, document_id), duplicate=False)


def _ensure_collection(connection: Connection, name: str, now: datetime) -> None:
    known = connection.execute(select(collections.c.name).where(collections.c.name == name))
    if known.first() is None:
        connection.execute(insert(collections).values(name=name, created_at=now))


def _find_by_identity(connection: Connection, collection: str, identity: str) -> RowMapping | None:
    return (
        connection.execute(
            select(
                documents.c.id,
                documents.c.version,
                versions.c.content_sha256,
                versions.c.status,
            )
            .join(
                versions,
                (versions.c.document_id == documents.c.id)
                & (versions.c.version == documents.c.version),
            )
            .where(
                documents.c.collection == collection,
                documents.c.identity == identity,
            )
        )
        .mappings()
        .first()
    )


def _add_version(
    connection: Connection,
    document_id: str,
    version: int,
    upload: Upload,
    content: Content,
    now: datetime,
) -> None:
    connection.execute(
        insert(versions).values(
            document_id=document_id,
            version=version,
            filename=upload.filename,
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
