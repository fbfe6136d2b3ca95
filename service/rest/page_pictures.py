"""Pages as pictures, with the passage that a citation quotes marked."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from corpus.errors import (
    BrokenFile,
    DocumentNotFound,
    EncryptedFile,
    InvalidRequest,
    NoPagePicture,
    OriginalMissing,
    PageNotFound,
    ParserCrashed,
    ParserTimeout,
    ParserUnavailable,
    StorageUnavailable,
)
from corpus.kinds.known import DRAWN_KINDS, kind_of_media_type
from corpus.registry.documents import find_content, find_page
from corpus.values import Original, PagePicture, PageText
from service.http.caching import is_known
from service.http.state import Parts, Reads
from service.parts import ServiceParts
from service.rest.openapi import error_responses
from service.rest.parameters import DocumentId, PageNumber

# Of the drawing: what an earlier one looked like is not kept in caches.
_DRAWING = "1"

# A header has few kilobytes with most proxies; all of them are marked in the picture.
MAX_TOLD_BOXES = 64

router = APIRouter(tags=["documents"])

Start = Annotated[int | None, Query(ge=0, le=2**53, description="A citation's `start_char`.")]
End = Annotated[int | None, Query(ge=0, le=2**53, description="A citation's `end_char`.")]


@router.get(
    "/documents/{document_id}/pages/{number}.png",
    operation_id="getPagePicture",
    response_class=Response,
    response_description="The page. `X-Highlight` says where the passage is, a box for each line: "
    "`left top right bottom`, in shares of the picture, several separated by commas.",
    responses={
        200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}},
        304: {"description": "The picture is the one of that `ETag`."},
        **error_responses(
            DocumentNotFound,
            PageNotFound,
            NoPagePicture,
            InvalidRequest,
            BrokenFile,
            EncryptedFile,
            OriginalMissing,
            ParserCrashed,
            ParserTimeout,
            ParserUnavailable,
            StorageUnavailable,
        ),
    },
)
def get_page_picture(
    parts: Parts,
    reader: Reads,
    document_id: DocumentId,
    number: PageNumber,
    start: Start = None,
    end: End = None,
    if_none_match: Annotated[
        str | None, Header(description="The `ETag` of a picture that is there already.")
    ] = None,
) -> Response:
    """A page of a PDF or picture as people see it; `start` and `end` are those of a citation.

    What stands between them is marked, where the page's text layer has it. Documents of other kinds
    have no pictures of pages: `no_page_picture`.
    """
    with parts.registry.read() as connection:
        original = find_content(connection, document_id, reader)
        page = find_page(connection, document_id, number, reader)
    span = _on_page(page, start, end)
    etag = f'"{_digest(original, page, span)}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if is_known(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    picture = _drawn(parts, original, page, span)
    if picture.boxes:
        headers["X-Highlight"] = ", ".join(
            " ".join(f"{side:.4f}" for side in box) for box in picture.boxes[:MAX_TOLD_BOXES]
        )
    return Response(picture.png, media_type="image/png", headers=headers)


def _on_page(page: PageText, start: int | None, end: int | None) -> tuple[int, int]:
    """The part of the span that is on the page, as offsets in the page's text."""
    if start is None or end is None:
        return 0, 0
    first = min(max(0, start - page.start_char), len(page.text))
    return first, min(max(first, end - page.start_char), len(page.text))


def _digest(original: Original, page: PageText, span: tuple[int, int]) -> str:
    named = f"{_DRAWING} {original.content_sha256} {page.number} {span} {page.text}"
    return sha256(named.encode(errors="replace")).hexdigest()[:32]


def _drawn(
    parts: ServiceParts, original: Original, page: PageText, span: tuple[int, int]
) -> PagePicture:
    kind = kind_of_media_type(original.media_type)
    if kind is None or kind.name not in DRAWN_KINDS:
        raise NoPagePicture(f"Pages of {original.filename} have no picture.")
    with parts.originals.local_copy(original.content_sha256) as path:
        return parts.page_pictures.draw(
            path, kind, page.number, text=page.text, start=span[0], end=span[1]
        )
