"""From a received file to a queued document: measured, recognised, registered."""

from __future__ import annotations

from typing import BinaryIO

from sqlalchemy.exc import IntegrityError

from corpus.attributes import check_acl, check_external_id, check_metadata
from corpus.blobs import StagedBlob
from corpus.errors import StorageUnavailable
from corpus.kinds import detect_kind
from corpus.names import check_collection_name
from corpus.registry.uploads import Acceptance, Content, Upload, accept_upload
from service.parts import ServiceParts

MIB = 1 << 20


def check_upload(upload: Upload) -> None:
    """Raise `InvalidCollectionName` or `InvalidMetadata` for what was said about a file."""
    check_collection_name(upload.collection)
    check_external_id(upload.external_id)
    check_metadata(upload.metadata)
    check_acl(upload.acl)


def accept_file(parts: ServiceParts, source: BinaryIO, upload: Upload) -> Acceptance:
    """Store the original, register the document and queue it, in one transaction.

    Raises what `check_upload` does, `EmptyFile`, `FileTooLarge`, `UnknownFileKind`, or
    `StorageUnavailable` when the bytes or the rows cannot be written.
    """
    check_upload(upload)
    try:
        acceptance = _store(parts, source, upload)
    except OSError as error:
        raise StorageUnavailable(
            f"The file could not be stored: {error.strerror or error}."
        ) from error
    parts.wake_worker()
    return acceptance


def _store(parts: ServiceParts, source: BinaryIO, upload: Upload) -> Acceptance:
    max_bytes = parts.settings.max_file_mb * MIB
    with parts.blobs.stage(source, max_bytes=max_bytes) as staged:
        kind = detect_kind(staged.path, upload.filename)
        content = Content(staged.content_sha256, staged.size_bytes, kind.media_type)
        try:
            return _register(parts, upload, content, staged)
        except IntegrityError:
            # Someone else registered the same document between our look and our insert: now it
            # is known.
            return _register(parts, upload, content, staged)


def _register(
    parts: ServiceParts, upload: Upload, content: Content, staged: StagedBlob
) -> Acceptance:
    with parts.registry.write() as connection:
        acceptance = accept_upload(connection, upload, content)
        staged.keep()
        return acceptance
