"""From a received file to a queued document: measured, recognised, registered."""

from __future__ import annotations

from typing import BinaryIO

from sqlalchemy.exc import IntegrityError

from corpus.blobs import StagedBlob
from corpus.kinds import detect_kind
from corpus.registry.uploads import Acceptance, Content, Upload, accept_upload
from service.parts import ServiceParts

MIB = 1 << 20


def accept_file(parts: ServiceParts, source: BinaryIO, upload: Upload) -> Acceptance:
    """Store the original, register the document and queue it, in one transaction.

    Raises `EmptyFile`, `FileTooLarge` or `UnknownFileKind`.
    """
    max_bytes = parts.settings.max_file_mb * MIB
    with parts.blobs.stage(source, max_bytes=max_bytes) as staged:
        kind = detect_kind(staged.path, upload.filename)
        content = Content(staged.content_sha256, staged.size_bytes, kind.media_type)
        try:
            acceptance = _register(parts, upload, content, staged)
        except IntegrityError:
            # Someone else registered the same document between our look and our insert: now it
            # is known.
            acceptance = _register(parts, upload, content, staged)
    parts.wake_worker()
    return acceptance


def _register(
    parts: ServiceParts, upload: Upload, content: Content, staged: StagedBlob
) -> Acceptance:
    with parts.registry.write() as connection:
        acceptance = accept_upload(connection, upload, content)
        staged.keep()
        return acceptance
