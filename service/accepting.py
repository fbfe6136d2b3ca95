"""From a received file to a queued document: measured, recognised, registered."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress

from sqlalchemy import Connection

from corpus.access import Reader
from corpus.attributes import check_acl, check_external_id, check_metadata
from corpus.declared_fields import check_values
from corpus.deletion import drop_originals
from corpus.errors import LecternError, QueueFull, StorageUnavailable, Unavailable
from corpus.kinds.recognition import detect_kind
from corpus.names import check_collection_name
from corpus.originals.port import StagedOriginal
from corpus.registry.collections import declared_fields
from corpus.registry.documents import find_document
from corpus.registry.jobs import count_waiting
from corpus.registry.loose_originals import noting, strike_loose
from corpus.registry.new_versions import Content
from corpus.registry.rollback import roll_back
from corpus.registry.steering import ingest_again
from corpus.registry.uploads import (
    Acceptance,
    Upload,
    accept_replacement,
    accept_upload,
)
from corpus.values import Document
from corpus.work import work_for
from service.parts import ServiceParts

MIB = 1 << 20

Register = Callable[[Connection, Content], Acceptance]

log = logging.getLogger("lectern.uploads")


def check_upload(upload: Upload) -> None:
    """Raise `InvalidCollectionName` or `InvalidMetadata` for what was said about a file."""
    check_collection_name(upload.collection)
    check_external_id(upload.external_id)
    check_metadata(upload.metadata)
    check_acl(upload.acl or ())


def check_uploads(parts: ServiceParts, template: Upload, reader: Reader) -> None:
    """Raise what accepting any file with these attributes would raise for them."""
    check_upload(template)
    reader.require(template.collection)
    with parts.registry.read() as connection:
        check_values(template.metadata, declared_fields(connection, template.collection))


def accept_file(
    parts: ServiceParts, staged: StagedOriginal, upload: Upload, reader: Reader
) -> Acceptance:
    """Keep the original, register the document and queue it, in one transaction.

    `reader` uploads. Raises what `check_upload` and `_keep` do, `InvalidMetadata` when a value is
    not of the type that the collection declares, `ExternalIdTaken`, and `CollectionNotFound` where
    the reader has no such collection.
    """
    check_upload(upload)
    reader.require(upload.collection)

    def register(connection: Connection, content: Content) -> Acceptance:
        return accept_upload(connection, upload, content, reader)

    return _keep(parts, staged, upload.filename, register)


def accept_new_bytes(
    parts: ServiceParts, staged: StagedOriginal, document_id: str, filename: str, reader: Reader
) -> Acceptance:
    """Keep the bytes and queue them as the document's next version, in one transaction.

    Raises `DocumentNotFound`, `DuplicateContent`, and what `_keep` does.
    """

    def register(connection: Connection, content: Content) -> Acceptance:
        return accept_replacement(connection, document_id, filename, content, reader)

    return _keep(parts, staged, filename, register)


def accept_rollback(parts: ServiceParts, document_id: str, reader: Reader) -> Acceptance:
    """Queue what the document was before its newest version; errors as `roll_back`, `QueueFull`."""
    with parts.registry.write() as connection:
        acceptance = roll_back(connection, document_id, reader)
        if not acceptance.duplicate:
            _refuse_when_full(parts, connection)
    _note_queued(acceptance.document)
    parts.wake_worker()
    return acceptance


def accept_retry(parts: ServiceParts, document_id: str, reader: Reader) -> Document:
    """Queue the document's bytes once more; `DocumentNotFound`, `QueueFull`."""
    with parts.registry.write() as connection:
        before = find_document(connection, document_id, reader)
        document = ingest_again(connection, document_id, reader)
        if before.status.is_final:
            _refuse_when_full(parts, connection)
    _note_queued(document)
    parts.wake_worker()
    return document


def _keep(
    parts: ServiceParts, staged: StagedOriginal, filename: str, register: Register
) -> Acceptance:
    """Raises `UnknownFileKind`, `QueueFull`, or `StorageUnavailable`.

    The last when the bytes or the rows cannot be written.
    """
    try:
        kind = detect_kind(staged.path, filename)
    except OSError as error:
        raise StorageUnavailable(
            f"The file could not be read: {error.strerror or error}."
        ) from error
    content = Content(staged.content_sha256, staged.size_bytes, kind.media_type)
    sent = staged.send_ahead(noting(parts.registry, staged.content_sha256))
    try:
        with parts.registry.write() as connection:
            acceptance = register(connection, content)
            if not acceptance.duplicate:
                _refuse_when_full(parts, connection)
            staged.keep()
            if sent:
                strike_loose(connection, [staged.content_sha256])
    except LecternError:
        if sent:
            with suppress(Unavailable):  # else the reconciler does it, within hours
                drop_originals(parts.registry, parts.originals, [staged.content_sha256])
        raise
    _note_queued(acceptance.document)
    parts.wake_worker()
    return acceptance


def _note_queued(document: Document) -> None:
    with work_for(document_id=document.id):
        # Of bytes that are there already, the state that they are in.
        log.info("document %s, version %d is %s", document.id, document.version, document.status)


def _refuse_when_full(parts: ServiceParts, connection: Connection) -> None:
    if count_waiting(connection) > parts.settings.max_waiting:
        raise QueueFull(f"{parts.settings.max_waiting} documents wait for ingestion already.")
