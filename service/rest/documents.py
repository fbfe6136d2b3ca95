"""Documents: list, read their pages, change, steer, delete."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from corpus.attributes import (
    check_acl,
    check_metadata,
)
from corpus.deletion import delete_document
from corpus.errors import (
    BelongsToParent,
    DocumentNotFound,
    DuplicateContent,
    IndexUnavailable,
    InvalidMetadata,
    InvalidRequest,
    MalformedJson,
    NothingToRollBack,
    PageNotFound,
    QueueFull,
    StorageUnavailable,
)
from corpus.registry.documents import find_document, find_page, list_documents
from corpus.registry.steering import cancel_ingestion
from corpus.registry.uploads import change_attributes
from corpus.values import Status
from service.accepting import accept_retry, accept_rollback
from service.http.audit import ACCESS_CHANGED
from service.http.state import Noted, Parts, Reads, Writes
from service.rest.document_shapes import (
    AcceptedBody,
    ChangeRequest,
    DeletedBody,
    DocumentBody,
    DocumentListBody,
    PageBody,
)
from service.rest.openapi import error_responses
from service.rest.parameters import PAGE_SIZE, Cursor, DocumentId, InCollection, PageNumber
from service.rest.uploads import THERE_ALREADY

router = APIRouter(
    tags=["documents"],
    responses=error_responses(InvalidRequest, StorageUnavailable),
)


@router.get("/documents", operation_id="listDocuments")
def list_all(
    parts: Parts,
    reader: Reads,
    collection: InCollection = None,
    status: Annotated[
        Status | None, Query(description="Only those whose newest version is there.")
    ] = None,
    parent_id: Annotated[
        str | None, Query(description="Only what is attached to this document.")
    ] = None,
    filename: Annotated[
        str | None,
        Query(max_length=255, description="Only with this in their name; capitals do not matter."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500, description=PAGE_SIZE)] = 50,
    cursor: Cursor = None,
) -> DocumentListBody:
    """Documents, newest first."""
    with parts.registry.read() as connection:
        found, next_cursor = list_documents(
            connection,
            reader,
            collection=collection,
            status=status,
            parent_id=parent_id,
            filename=filename,
            limit=limit,
            cursor=cursor,
        )
    return DocumentListBody(
        documents=[DocumentBody.of(document) for document in found], next_cursor=next_cursor
    )


@router.get(
    "/documents/{document_id}",
    operation_id="getDocument",
    responses=error_responses(DocumentNotFound),
)
def get_document(parts: Parts, reader: Reads, document_id: DocumentId) -> DocumentBody:
    """One document with its state."""
    with parts.registry.read() as connection:
        return DocumentBody.of(find_document(connection, document_id, reader))


@router.patch(
    "/documents/{document_id}",
    operation_id="changeDocument",
    responses=error_responses(DocumentNotFound, MalformedJson, InvalidMetadata, BelongsToParent),
)
def change_document(
    parts: Parts, reader: Writes, noted: Noted, document_id: DocumentId, body: ChangeRequest
) -> DocumentBody:
    """Put other metadata or access in place; what is left out stays. Nothing is ingested again."""
    if body.metadata is not None:
        check_metadata(body.metadata)
    if body.acl is not None:
        check_acl(body.acl)
        noted.action(ACCESS_CHANGED)
    with parts.registry.write() as connection:
        changed = change_attributes(
            connection,
            document_id,
            reader,
            metadata=body.metadata,
            acl=None if body.acl is None else tuple(body.acl),
        )
    return DocumentBody.of(changed)


@router.post(
    "/documents/{document_id}/cancel",
    operation_id="cancelIngestion",
    responses=error_responses(DocumentNotFound),
)
def cancel(parts: Parts, reader: Writes, document_id: DocumentId) -> DocumentBody:
    """Stop the newest version's ingestion: it fails as `cancelled`. What is final stays."""
    with parts.registry.write() as connection:
        return DocumentBody.of(cancel_ingestion(connection, document_id, reader))


@router.post(
    "/documents/{document_id}/retry",
    status_code=202,
    operation_id="retryIngestion",
    responses=error_responses(DocumentNotFound, QueueFull),
)
def retry(parts: Parts, reader: Writes, document_id: DocumentId) -> DocumentBody:
    """Have the document read again.

    A failed version is queued once more; the bytes of one that answers become the next version.
    """
    return DocumentBody.of(accept_retry(parts, document_id, reader))


@router.post(
    "/documents/{document_id}/rollback",
    status_code=202,
    operation_id="rollBackDocument",
    responses={
        200: THERE_ALREADY,
        **error_responses(
            DocumentNotFound, NothingToRollBack, DuplicateContent, BelongsToParent, QueueFull
        ),
    },
)
def rollback(
    parts: Parts, reader: Writes, response: Response, document_id: DocumentId
) -> AcceptedBody:
    """Put back what the document was before its newest version; a second time undoes the first.

    Where the newest version does not answer (it failed, or is not ready), it is given up for the
    one that does. 200 when nothing had to be queued, 409 when there is nothing to go back to.
    """
    acceptance = accept_rollback(parts, document_id, reader)
    response.status_code = 200 if acceptance.duplicate else 202
    return AcceptedBody.of_acceptance(acceptance)


@router.delete(
    "/documents/{document_id}",
    operation_id="deleteDocument",
    responses=error_responses(DocumentNotFound, IndexUnavailable),
)
def delete(parts: Parts, reader: Writes, document_id: DocumentId) -> DeletedBody:
    """Delete a document: no answer uses it from now on, and the receipt says what was removed."""
    return DeletedBody.of(
        delete_document(parts.registry, parts.originals, parts.store, document_id, reader)
    )


@router.get(
    "/documents/{document_id}/pages/{number}",
    operation_id="getPage",
    responses=error_responses(DocumentNotFound, PageNotFound),
)
def get_page(parts: Parts, reader: Reads, document_id: DocumentId, number: PageNumber) -> PageBody:
    """The text of a page (numbers count from 1)."""
    with parts.registry.read() as connection:
        return PageBody.of(document_id, find_page(connection, document_id, number, reader))
