"""Accepting what callers say of documents: document, version and job in their one transaction."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, insert, select, update

from corpus.access import UNRESTRICTED, Reader, audience
from corpus.declared_fields import check_values
from corpus.errors import BelongsToParent, DuplicateContent, ExternalIdTaken
from corpus.registry.access import access_columns, is_readable
from corpus.registry.collections import declared_fields
from corpus.registry.documents import find_document
from corpus.registry.families import pass_on_attributes
from corpus.registry.identities import by_bytes, by_bytes_for, by_external_id
from corpus.registry.locks import (
    hold_collection,
    lock_collection_name,
    lock_contents,
    lock_document,
    lock_external_id,
)
from corpus.registry.new_versions import Content, add_next_version, add_version, queue_again
from corpus.registry.schema import collections, documents
from corpus.values import Document, Status


@dataclass(frozen=True, slots=True)
class Upload:
    """What a person said about a file that they handed over.

    `acl` None: that of the version before; of a new document, everybody. `is_bulk`: it is part of
    an import, which lets what people upload singly go first.
    """

    collection: str
    filename: str
    external_id: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    acl: tuple[str, ...] | None = None
    is_bulk: bool = False


@dataclass(frozen=True, slots=True)
class Acceptance:
    """`duplicate`: the same bytes are this document's newest version already."""

    document: Document
    duplicate: bool


def accept_upload(
    connection: Connection, upload: Upload, content: Content, reader: Reader
) -> Acceptance:
    """Register the upload and queue it.

    The same bytes again are a duplicate: queued again if they had failed, and the metadata and
    access of the first upload stay. New bytes under a known external id become the next version.
    A document that `reader`, who uploads, may not read is none that this can be the same as. Until
    the transaction ends, the original of these bytes is not deleted. Raises `InvalidMetadata` when
    a value is not of the type that the collection declares, and `ExternalIdTaken`.
    """
    check_values(upload.metadata, declared_fields(connection, upload.collection))
    lock_contents(connection, [content.sha256])
    if upload.external_id is not None:
        lock_external_id(connection, upload.collection, upload.external_id)
    now = datetime.now(UTC)
    _ensure_collection(connection, upload.collection, now)
    identity, known = _identity_of(connection, upload, content, reader)
    if known is None:
        document_id = str(uuid4())
        connection.execute(
            insert(documents).values(
                id=document_id,
                collection=upload.collection,
                identity=identity,
                external_id=upload.external_id,
                version=1,
                metadata=upload.metadata,
                created_at=now,
                updated_at=now,
                **access_columns(connection, upload.acl or ()),
            )
        )
        add_version(connection, document_id, 1, upload.filename, content, now, upload.is_bulk)
        return Acceptance(find_document(connection, document_id, UNRESTRICTED), duplicate=False)
    document = find_document(connection, known, UNRESTRICTED)
    if document.content_sha256 == content.sha256:
        return _again(connection, document, now, is_bulk=upload.is_bulk)
    connection.execute(
        update(documents)
        .where(documents.c.id == document.id)
        .values(
            metadata=upload.metadata,
            **({} if upload.acl is None else access_columns(connection, upload.acl)),
        )
    )
    pass_on_attributes(connection, document.id)
    add_next_version(connection, document, upload.filename, content, now, is_bulk=upload.is_bulk)
    return Acceptance(find_document(connection, document.id, UNRESTRICTED), duplicate=False)


def accept_replacement(
    connection: Connection, document_id: str, filename: str, content: Content, reader: Reader
) -> Acceptance:
    """Queue new bytes as the document's next version; metadata and access stay.

    The bytes that it has are a duplicate. Raises `DocumentNotFound`, `BelongsToParent` for an
    attachment, and `DuplicateContent` when the document is known by its bytes and another one of
    the collection has these. Until the transaction ends, the original of these bytes is kept.
    """
    lock_contents(connection, [content.sha256])
    lock_document(connection, document_id)
    now = datetime.now(UTC)
    document = find_document(connection, document_id, reader)
    _refuse_attachment(connection, document, "bytes")
    if document.content_sha256 == content.sha256:
        return _again(connection, document, now, is_bulk=False)
    if document.external_id is None:
        identity, other = _by_bytes(
            connection, document.collection, content.sha256, document.acl, reader
        )
        if other is not None:
            raise DuplicateContent(
                f"Another document of the collection {document.collection!r} has these bytes."
            )
        connection.execute(
            update(documents).where(documents.c.id == document.id).values(identity=identity)
        )
    add_next_version(connection, document, filename, content, now)
    return Acceptance(find_document(connection, document_id, reader), duplicate=False)


def change_attributes(
    connection: Connection,
    document_id: str,
    reader: Reader,
    *,
    metadata: dict[str, Any] | None = None,
    acl: tuple[str, ...] | None = None,
) -> Document:
    """Put other metadata, other access, or both in place; None leaves what is there.

    What is attached to the document gets the same. Nothing is embedded again: neither is part of a
    node. Raises `DocumentNotFound`, `BelongsToParent` for an attachment, and `InvalidMetadata` when
    a value is not of the type that the collection declares.
    """
    lock_document(connection, document_id)
    document = find_document(connection, document_id, reader)
    _refuse_attachment(connection, document, "metadata and access")
    changed: dict[str, Any] = {"updated_at": datetime.now(UTC)}
    if metadata is not None:
        check_values(metadata, declared_fields(connection, document.collection))
        changed["metadata"] = metadata
    if acl is not None:
        changed |= access_columns(connection, acl)
    connection.execute(update(documents).where(documents.c.id == document_id).values(changed))
    pass_on_attributes(connection, document_id)
    return find_document(connection, document_id, UNRESTRICTED)


def _again(
    connection: Connection, document: Document, now: datetime, *, is_bulk: bool
) -> Acceptance:
    if document.status is Status.FAILED:
        queue_again(connection, document.id, document.version, now, is_bulk=is_bulk)
    return Acceptance(find_document(connection, document.id, UNRESTRICTED), duplicate=True)


def _refuse_attachment(connection: Connection, document: Document, what: str) -> None:
    if document.parent_id is not None:
        parent = find_document(connection, document.parent_id, UNRESTRICTED)
        raise BelongsToParent(
            f"{document.filename} is attached to {parent.filename}, which its {what} come from.",
            hint=f"Change document {parent.id} instead, or upload the file by itself.",
        )


def _ensure_collection(connection: Connection, name: str, now: datetime) -> None:
    if hold_collection(connection, name):
        return
    lock_collection_name(connection, name)
    if not hold_collection(connection, name):
        connection.execute(insert(collections).values(name=name, created_at=now))


def _identity_of(
    connection: Connection, upload: Upload, content: Content, reader: Reader
) -> tuple[str, str | None]:
    """What makes another upload the same document, and the id of the one that has it already.

    That is its external id, else its bytes.
    """
    if upload.external_id is None:
        return _by_bytes(
            connection, upload.collection, content.sha256, upload.acl or (), reader, lock=True
        )
    identity = by_external_id(upload.external_id)
    known = _find_by_identity(connection, upload.collection, identity, lock=True)
    if known is not None and not _may_read(connection, known, reader):
        raise ExternalIdTaken(f"The external_id {upload.external_id!r} is another document's.")
    return identity, known


def _by_bytes(
    connection: Connection,
    collection: str,
    sha256: str,
    acl: Collection[str],
    reader: Reader,
    *,
    lock: bool = False,
) -> tuple[str, str | None]:
    """The same of bytes: who may not read the document that has them gets one of their own.

    So does who uploads for others alone: the same again must be the same document for them.
    """
    common, own = by_bytes(sha256), by_bytes_for(sha256, f"{reader.owner}/{audience(acl)}")
    known = _find_by_identity(connection, collection, common, lock=lock)
    if known is None and _is_for(acl, reader):
        theirs = _find_by_identity(connection, collection, own, lock=lock)
        return (common, None) if theirs is None else (own, theirs)
    if known is not None and _may_read(connection, known, reader):
        return common, known
    return own, _find_by_identity(connection, collection, own, lock=lock)


def _is_for(acl: Collection[str], reader: Reader) -> bool:
    return not acl or reader.principals is None or not reader.principals.isdisjoint(acl)


def _may_read(connection: Connection, document_id: str, reader: Reader) -> bool:
    found = select(documents.c.id).where(documents.c.id == document_id, is_readable(reader))
    return connection.execute(found).first() is not None


def _find_by_identity(
    connection: Connection, collection: str, identity: str, *, lock: bool
) -> str | None:
    """The id of the document that these two name; `lock`: and nobody else changes it meanwhile."""
    found = select(documents.c.id).where(
        documents.c.collection == collection, documents.c.identity == identity
    )
    if lock:
        # A deletion that this waits for takes the identity away, and then there is none.
        found = found.with_for_update()
    return connection.execute(found).scalar_one_or_none()
