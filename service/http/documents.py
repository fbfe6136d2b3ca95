"""Documents: upload, list, read their pages, replace, change, delete."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, File, Form, Path, Query, Response

from corpus.attributes import (
    MAX_EXTERNAL_ID_CHARS,
    MAX_METADATA_BYTES,
    MAX_METADATA_DEPTH,
    check_acl,
    check_metadata,
)
from corpus.deletion import delete_document
from corpus.errors import (
    BelongsToParent,
    DocumentNotFound,
    DuplicateContent,
    EmptyFile,
    FileTooLarge,
    IndexUnavailable,
    InvalidCollectionName,
    InvalidMetadata,
    InvalidRequest,
    LecternError,
    MalformedJson,
    MalformedUpload,
    NothingToRollBack,
    PageNotFound,
    QueueFull,
    StorageUnavailable,
    TooManyFiles,
    UnknownFileKind,
)
from corpus.names import clean_filename
from corpus.registry.documents import find_document, find_page, list_documents
from corpus.registry.steering import cancel_ingestion, ingest_again
from corpus.registry.uploads import Acceptance, Upload, change_attributes
from corpus.values import Status
from service.accepting import accept_file, accept_new_bytes, accept_rollback, check_uploads
from service.asking.question import DEFAULT_COLLECTION
from service.http.document_shapes import (
    AcceptedBody,
    AcceptedManyBody,
    ChangeRequest,
    DeletedBody,
    DocumentBody,
    DocumentListBody,
    FailureBody,
    PageBody,
    RefusedBody,
)
from service.http.errors import log_unavailable
from service.http.form_fields import json_object, json_strings
from service.http.form_parts import ReceivedFile
from service.http.openapi import Json, errors
from service.http.parameters import NAME_RULE, PAGE_SIZE, Cursor, DocumentId, InCollection
from service.http.receiving import ReceivingRoute
from service.http.state import Parts, RequestIdentity
from service.parts import ServiceParts

MANY_FILES = 20

COLLECTION_DESCRIPTION = "Where they belong; an upload to a new name makes a collection."
METADATA_DESCRIPTION = (
    "A JSON object, kept with the document. The same bytes again are a duplicate, which keeps the "
    f"metadata of the first upload. At most {MAX_METADATA_BYTES // 1024} KiB, nested at most "
    f"{MAX_METADATA_DEPTH} deep. A field that the collection declares must have its type (422)."
)
ACL_DESCRIPTION = (
    "A JSON list of principals who may read the document. It is kept, and takes effect once keys "
    "exist: until then, whoever reaches the service reads everything. A duplicate keeps the first."
)

PRIORITY_DESCRIPTION = (
    "`bulk`: part of an import, which lets other uploads go first for up to an hour. By default a "
    f"request with more than {MANY_FILES} files is one."
)

# What may be wrong with one file, and with storing it.
FILE_ERRORS = (
    MalformedUpload,
    TooManyFiles,
    EmptyFile,
    FileTooLarge,
    UnknownFileKind,
    QueueFull,
)
THERE_ALREADY: Json = {"model": AcceptedBody, "description": "Nothing had to be queued."}

PageNumber = Annotated[int, Path(description="The page, counted from 1.")]

router = APIRouter(
    tags=["documents"],
    route_class=ReceivingRoute,
    responses=errors(InvalidRequest, StorageUnavailable),
)


@router.post(
    "/documents",
    status_code=202,
    operation_id="uploadDocuments",
    response_model=AcceptedBody | AcceptedManyBody,
    response_description="Accepted; several files: with an outcome for each.",
    responses={200: THERE_ALREADY, **errors(*FILE_ERRORS, InvalidCollectionName, InvalidMetadata)},
)
def upload_documents(
    parts: Parts,
    request_id: RequestIdentity,
    response: Response,
    file: Annotated[list[ReceivedFile], File(min_length=1, description="One or more files.")],
    collection: Annotated[
        str, Form(description=COLLECTION_DESCRIPTION, json_schema_extra={**NAME_RULE})
    ] = DEFAULT_COLLECTION,
    external_id: Annotated[
        str | None,
        Form(
            description="Your own name for the document: other bytes under it are its next version."
            f" At most {MAX_EXTERNAL_ID_CHARS} characters."
        ),
    ] = None,
    metadata: Annotated[str, Form(description=METADATA_DESCRIPTION)] = "{}",
    acl: Annotated[str, Form(description=ACL_DESCRIPTION)] = "[]",
    priority: Annotated[
        Literal["normal", "bulk"] | None, Form(description=PRIORITY_DESCRIPTION)
    ] = None,
) -> AcceptedBody | Response:
    """Accept files for ingestion; poll the document, or its events, until it is ready.

    The same bytes again answer 200 with the document that is there.
    """
    if external_id is not None and len(file) > 1:
        raise InvalidRequest("An external_id names one file, and several were sent.")
    template = Upload(
        collection=collection,
        filename="",
        external_id=external_id,
        metadata=json_object(metadata, "metadata"),
        acl=json_strings(acl, "acl"),
        is_bulk=priority == "bulk" or (priority is None and len(file) > MANY_FILES),
    )
    if len(file) == 1:
        accepted = _accept(parts, file[0], template)
        response.status_code = 200 if accepted.duplicate else 202
        return accepted
    check_uploads(
        parts, template
    )  # the same for all files, so a mistake in it is the whole request's
    outcomes = (_accept_or_refuse(parts, request_id, one, template) for one in file)
    # Written as they come: ten thousand of them as objects would take tens of megabytes, and the
    # event loop seconds to write down.
    body = b",".join(outcome.model_dump_json().encode() for outcome in outcomes)
    return Response(b'{"documents":[%b]}' % body, status_code=202, media_type="application/json")


@router.get("/documents", operation_id="listDocuments")
def list_all(
    parts: Parts,
    collection: InCollection = None,
    status: Annotated[
        Status | None, Query(description="Only those whose newest version is there.")
    ] = None,
    parent_id: Annotated[
        str | None, Query(description="Only what is attached to this document.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500, description=PAGE_SIZE)] = 50,
    cursor: Cursor = None,
) -> DocumentListBody:
    """Documents, newest first."""
    with parts.registry.read() as connection:
        found, next_cursor = list_documents(
            connection,
            collection=collection,
            status=status,
            parent_id=parent_id,
            limit=limit,
            cursor=cursor,
        )
    return DocumentListBody(
        documents=[DocumentBody.of(document) for document in found], next_cursor=next_cursor
    )


@router.get(
    "/documents/{document_id}", operation_id="getDocument", responses=errors(DocumentNotFound)
)
def get_document(parts: Parts, document_id: DocumentId) -> DocumentBody:
    """One document with its state."""
    with parts.registry.read() as connection:
        return DocumentBody.of(find_document(connection, document_id))


@router.put(
    "/documents/{document_id}",
    status_code=202,
    operation_id="replaceDocument",
    responses={
        200: THERE_ALREADY,
        **errors(DocumentNotFound, *FILE_ERRORS, DuplicateContent, BelongsToParent),
    },
)
def replace_document(
    parts: Parts,
    response: Response,
    document_id: DocumentId,
    file: Annotated[ReceivedFile, File(description="The new bytes.")],
) -> AcceptedBody:
    """Accept new bytes as the document's next version; the one before answers until it is ready.

    The bytes that it has already answer 200.
    """
    acceptance = accept_new_bytes(parts, file.staged, document_id, clean_filename(file.filename))
    response.status_code = 200 if acceptance.duplicate else 202
    return _accepted(acceptance)


@router.patch(
    "/documents/{document_id}",
    operation_id="changeDocument",
    responses=errors(DocumentNotFound, MalformedJson, InvalidMetadata, BelongsToParent),
)
def change_document(parts: Parts, document_id: DocumentId, body: ChangeRequest) -> DocumentBody:
    """Put other metadata or access in place; what is left out stays. Nothing is ingested again."""
    if body.metadata is not None:
        check_metadata(body.metadata)
    if body.acl is not None:
        check_acl(body.acl)
    with parts.registry.write() as connection:
        changed = change_attributes(
            connection,
            document_id,
            metadata=body.metadata,
            acl=None if body.acl is None else tuple(body.acl),
        )
    return DocumentBody.of(changed)


@router.post(
    "/documents/{document_id}/cancel",
    operation_id="cancelIngestion",
    responses=errors(DocumentNotFound),
)
def cancel(parts: Parts, document_id: DocumentId) -> DocumentBody:
    """Stop the newest version's ingestion: it fails as `cancelled`. What is final stays."""
    with parts.registry.write() as connection:
        return DocumentBody.of(cancel_ingestion(connection, document_id))


@router.post(
    "/documents/{document_id}/retry",
    status_code=202,
    operation_id="retryIngestion",
    responses=errors(DocumentNotFound),
)
def retry(parts: Parts, document_id: DocumentId) -> DocumentBody:
    """Have the document read again.

    A failed version is queued once more; the bytes of one that answers become the next version.
    """
    with parts.registry.write() as connection:
        document = ingest_again(connection, document_id)
    parts.wake_worker()
    return DocumentBody.of(document)


@router.post(
    "/documents/{document_id}/rollback",
    status_code=202,
    operation_id="rollBackDocument",
    responses={
        200: THERE_ALREADY,
        **errors(DocumentNotFound, NothingToRollBack, DuplicateContent, BelongsToParent, QueueFull),
    },
)
def rollback(parts: Parts, response: Response, document_id: DocumentId) -> AcceptedBody:
    """Put back what the document was before its newest version; a second time undoes the first.

    Where the newest version does not answer (it failed, or is not ready), it is given up for the
    one that does. 200 when nothing had to be queued, 409 when there is nothing to go back to.
    """
    acceptance = accept_rollback(parts, document_id)
    response.status_code = 200 if acceptance.duplicate else 202
    return _accepted(acceptance)


@router.delete(
    "/documents/{document_id}",
    operation_id="deleteDocument",
    responses=errors(DocumentNotFound, IndexUnavailable),
)
def delete(parts: Parts, document_id: DocumentId) -> DeletedBody:
    """Delete a document: no answer uses it from now on, and the receipt says what was removed."""
    return DeletedBody.of(delete_document(parts.registry, parts.blobs, parts.store, document_id))


@router.get(
    "/documents/{document_id}/pages/{number}",
    operation_id="getPage",
    responses=errors(DocumentNotFound, PageNotFound),
)
def get_page(parts: Parts, document_id: DocumentId, number: PageNumber) -> PageBody:
    """The text of a page (numbers count from 1)."""
    with parts.registry.read() as connection:
        return PageBody.of(document_id, find_page(connection, document_id, number))


def _accept(parts: ServiceParts, file: ReceivedFile, template: Upload) -> AcceptedBody:
    upload = replace(template, filename=clean_filename(file.filename))
    return _accepted(accept_file(parts, file.staged, upload))


def _accepted(acceptance: Acceptance) -> AcceptedBody:
    body = DocumentBody.of(acceptance.document)
    return AcceptedBody(**body.model_dump(), duplicate=acceptance.duplicate)


def _accept_or_refuse(
    parts: ServiceParts, request_id: str, file: ReceivedFile, template: Upload
) -> AcceptedBody | RefusedBody:
    try:
        return _accept(parts, file, template)
    except LecternError as error:
        log_unavailable(request_id, error)
        return RefusedBody(
            filename=clean_filename(file.filename),
            error=FailureBody(code=error.code, detail=error.detail, hint=error.hint),
        )
