"""Downloads of the originals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from corpus.access import Reader
from corpus.errors import DocumentNotFound, InvalidRequest, OriginalMissing, StorageUnavailable
from corpus.originals.port import OriginalStore
from corpus.registry.database.engine import Registry
from corpus.registry.documents import find_content
from corpus.values import Original
from service.http.state import Parts, Reads
from service.rest.openapi import error_responses
from service.rest.parameters import DocumentId

DOWNLOAD_BYTES = 1 << 18

router = APIRouter(tags=["documents"])


@router.get(
    "/documents/{document_id}/content",
    response_class=StreamingResponse,
    operation_id="getContent",
    response_description="The bytes, of the document's `media_type`.",
    responses={
        200: {
            "content": {
                "*/*": {"schema": {"type": "string", "format": "binary"}},
                # Of a JSON file: whatever is in it.
                "application/json": {"schema": {}, "example": {"keeper": "Ann", "oil_litres": 300}},
            }
        },
        **error_responses(DocumentNotFound, InvalidRequest, StorageUnavailable),
    },
)
def get_content(parts: Parts, reader: Reads, document_id: DocumentId) -> StreamingResponse:
    """The original that pages and citations speak of, byte for byte, always as a download."""
    original, content = open_original(parts.registry, parts.originals, document_id, reader)
    return StreamingResponse(
        _pieces(content),
        media_type=original.media_type,
        headers={
            "Content-Length": str(original.size_bytes),
            "Content-Disposition": _attachment(original.filename),
            # An uploaded HTML page must not run as ours.
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
        },
    )


def open_original(
    registry: Registry, originals: OriginalStore, document_id: str, reader: Reader
) -> tuple[Original, BinaryIO]:
    """The live version's original, opened: a deletion cannot take away what was opened.

    Raises `DocumentNotFound`, or `StorageUnavailable` when the bytes are not there.
    """
    with registry.read() as connection:
        original = find_content(connection, document_id, reader)
    try:
        return original, _opened(originals, original)
    except (OriginalMissing, OSError) as error:
        with registry.read() as connection:
            find_content(connection, document_id, reader)  # not found when it was deleted meanwhile
        raise StorageUnavailable(f"The original of {original.filename} cannot be read.") from error


def _opened(originals: OriginalStore, original: Original) -> BinaryIO:
    with originals.local_copy(original.content_sha256) as path:
        return path.open("rb")


def _pieces(content: BinaryIO) -> Iterator[bytes]:
    with content:
        while piece := content.read(DOWNLOAD_BYTES):
            yield piece


def _attachment(filename: str) -> str:
    return f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
