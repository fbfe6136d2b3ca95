"""Documents: upload, list, read, delete."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, File, Form, Query, Response, UploadFile
from fastapi.responses import StreamingResponse

from corpus.deletion import delete_document
from corpus.errors import InvalidMetadata, InvalidRequest, LecternError
from corpus.registry.documents import find_document, find_page, list_documents
from corpus.registry.uploads import Upload
from corpus.values import Status
from service.accepting import accept_file
from service.http.names import check_collection_name, clean_filename
from service.http.shapes import (
    AcceptedBody,
    AcceptedManyBody,
    DeletedBody,
    DocumentBody,
    DocumentListBody,
    FailureBody,
    PageBody,
    RefusedBody,
)
from service.http.state import Parts
from service.parts import ServiceParts
from service.questions import DEFAULT_COLLECTION

MAX_EXTERNAL_ID_CHARS = 512
DOWNLOAD_BYTES = 1 << 18

router = APIRouter(tags=["documents"])


@router.post("/documents", status_code=202, responses={200: {"model": AcceptedBody}})
def upload_documents(
    parts: Parts,
    response: Response,
    file: Annotated[list[UploadFile], File(description="One or more files.")],
    collection: Annotated[str, Form()] = DEFAULT_COLLECTION,
    external_id: Annotated[str | None, Form(max_length=MAX_EXTERNAL_ID_CHARS)] = None,
    metadata: Annotated[str, Form(description="A JSON object.")] = "{}",
    acl: Annotated[str, Form(description="A JSON list of principals.")] = "[]",
) -> AcceptedBody | AcceptedManyBody:
    """Accept files for ingestion; poll the document, or its events, until it is ready.

    The same bytes again answer 200 with the document that is there.
    """
    if external_id is not None and len(file) > 1:
        raise InvalidRequest("An external_id names one file, and several were sent.")
    template = Upload(
        collection=check_collection_name(collection),
        filename="",
        external_id=external_id,
        metadata=_json_object(metadata),
        acl=_json_strings(acl),
    )
    if len(file) == 1:
        accepted = _accept(parts, file[0], template)
        response.status_code = 200 if accepted.duplicate else 202
        return accepted
    return AcceptedManyBody(documents=[_accept_or_refuse(parts, one, template) for one in file])


@router.get("/documents")
def list_all(
    parts: Parts,
    collection: str | None = None,
    status: Status | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: str | None = None,
) -> DocumentListBody:
    """Documents, newest first."""
    with parts.registry.read() as connection:
        found, next_cursor = list_documents(
            connection, collection=collection, status=status, limit=limit, cursor=cursor
        )
    return DocumentListBody(
        documents=[DocumentBody.of(document) for document in found], next_cursor=next_cursor
    )


@router.get("/documents/{document_id}")
def get_document(parts: Parts, document_id: str) -> DocumentBody:
    """One document with its state."""
    with parts.registry.read() as connection:
        return DocumentBody.of(find_document(connection, document_id))


@router.delete("/documents/{document_id}")
def delete(parts: Parts, document_id: str) -> DeletedBody:
    """Delete a document: no answer uses it from now on, and the receipt says what was removed."""
    return DeletedBody.of(delete_document(parts.registry, parts.blobs, parts.store, document_id))


@router.get("/documents/{document_id}/content", response_class=StreamingResponse)
def get_content(parts: Parts, document_id: str) -> StreamingResponse:
    """The original, byte for byte, always as a download."""
    with parts.registry.read() as connection:
        document = find_document(connection, document_id)
    return StreamingResponse(
        _original(parts, document.content_sha256),
        media_type=document.media_type,
        headers={
            "Content-Length": str(document.size_bytes),
            "Content-Disposition": _attachment(document.filename),
            # An uploaded HTML page must not run as ours.
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
        },
    )


@router.get("/documents/{document_id}/pages/{number}")
def get_page(parts: Parts, document_id: str, number: int) -> PageBody:
    """The text of a page (numbers count from 1)."""
    with parts.registry.read() as connection:
        return PageBody.of(document_id, find_page(connection, document_id, number))


def _accept(parts: ServiceParts, file: UploadFile, template: Upload) -> AcceptedBody:
    upload = replace(template, filename=clean_filename(file.filename))
    acceptance = accept_file(parts, file.file, upload)
    body = DocumentBody.of(acceptance.document)
    return AcceptedBody(**body.model_dump(), duplicate=acceptance.duplicate)


def _accept_or_refuse(
    parts: ServiceParts, file: UploadFile, template: Upload
) -> AcceptedBody | RefusedBody:
    try:
        return _accept(parts, file, template)
    except LecternError as error:
        return RefusedBody(
            filename=clean_filename(file.filename),
            error=FailureBody(code=error.code, detail=error.detail, hint=error.hint),
        )


def _original(parts: ServiceParts, content_sha256: str) -> Iterator[bytes]:
    with parts.blobs.local_copy(content_sha256) as path, path.open("rb") as original:
        while piece := original.read(DOWNLOAD_BYTES):
            yield piece


def _attachment(filename: str) -> str:
    return f"attachment; filename*=UTF-8''{quote(filename, safe='')}"


def _json_object(raw: str) -> dict[str, Any]:
    value = _json(raw, "metadata")
    if not isinstance(value, dict):
        raise InvalidMetadata("metadata is not a JSON object.")
    return value


def _json_strings(raw: str) -> tuple[str, ...]:
    value = _json(raw, "acl")
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidMetadata("acl is not a JSON list of strings.")
    return tuple(value)


def _json(raw: str, name: str) -> object:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidMetadata(f"{name} is not valid JSON.") from error
