"""Server-sent events: a document's way to ready."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field
from sse_starlette import EventSourceResponse

from corpus.access import Reader
from corpus.errors import DocumentNotFound, InvalidRequest, StorageUnavailable
from corpus.registry.documents import find_document
from corpus.values import Document, ErrorReport, Status
from service.http.sse import event_stream
from service.http.state import Parts, Reads
from service.parts import ServiceParts
from service.rest.document_shapes import DocumentBody
from service.rest.openapi import error_responses, event_stream_of
from service.rest.parameters import DocumentId

LOOK_EVERY_S = 0.3

router = APIRouter(tags=["documents"])


class DocumentEvents(BaseModel):
    """The server-sent events of a document: their names, and what their data is."""

    progress: DocumentBody = Field(description="Something changed.")
    ready: DocumentBody = Field(description="The last event: questions are answered from it.")
    partial: DocumentBody = Field(description="The last event: so they are, but pages are missing.")
    failed: DocumentBody = Field(description="The last event: it failed, or was deleted.")


@router.get(
    "/documents/{document_id}/events",
    response_class=EventSourceResponse,
    operation_id="watchDocument",
    response_description="Server-sent events, as `DocumentEvents` has them.",
    responses={
        200: {"content": event_stream_of(DocumentEvents)},
        **error_responses(DocumentNotFound, InvalidRequest, StorageUnavailable),
    },
)
async def watch_document(
    parts: Parts, reader: Reads, document_id: DocumentId
) -> EventSourceResponse:
    """`progress` whenever something changed, then one of `ready`, `partial` or `failed`."""
    first = await run_in_threadpool(_look, parts, document_id, reader)
    return event_stream(_changes(parts, first, reader))


async def _changes(
    parts: ServiceParts, document: Document, reader: Reader
) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    said: Document | None = None
    while True:
        if document != said:
            name = str(document.status) if document.status.is_final else "progress"
            yield name, DocumentBody.of(document).model_dump(mode="json")
            said = document
        if document.status.is_final:
            return
        await asyncio.sleep(LOOK_EVERY_S)
        try:
            document = await run_in_threadpool(_look, parts, document.id, reader)
        except DocumentNotFound as error:
            deleted = ErrorReport("document_deleted", "The document was deleted.", error.hint)
            document = replace(document, status=Status.FAILED, error=deleted)


def _look(parts: ServiceParts, document_id: str, reader: Reader) -> Document:
    with parts.registry.read() as connection:
        return find_document(connection, document_id, reader)
