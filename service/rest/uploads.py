"""Uploads: files that come in, new ones and new bytes of old ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, File, Form, Response

from corpus.access import Reader
from corpus.attributes import (
    MAX_EXTERNAL_ID_CHARS,
    MAX_METADATA_BYTES,
    MAX_METADATA_DEPTH,
)
from corpus.errors import (
    BelongsToParent,
    DocumentNotFound,
    DuplicateContent,
    EmptyFile,
    FileTooLarge,
    InvalidCollectionName,
    InvalidMetadata,
    InvalidRequest,
    LecternError,
    MalformedUpload,
    QueueFull,
    StorageUnavailable,
    TooManyFiles,
    UnknownFileKind,
)
from corpus.names import clean_filename
from corpus.registry.uploads import Upload
from service.accepting import accept_file, accept_new_bytes, check_uploads
from service.asking.question import DEFAULT_COLLECTION
from service.http.errors import log_unavailable
from service.http.state import Noted, Parts, RequestIdentity, Writes
from service.parts import ServiceParts
from service.rest.document_shapes import (
    AcceptedBody,
    AcceptedManyBody,
    FailureBody,
    RefusedBody,
)
from service.rest.form_fields import json_object, json_strings
from service.rest.form_parts import ReceivedFile
from service.rest.openapi import Json, error_responses
from service.rest.parameters import NAME_RULE, DocumentId
from service.rest.receiving import ReceivingRoute

MANY_FILES = 20

COLLECTION_DESCRIPTION = "Where they belong; an upload to a new name makes a collection."
METADATA_DESCRIPTION = (
    "A JSON object, kept with the document. The same bytes again are a duplicate, which keeps the "
    f"metadata of the first upload. At most {MAX_METADATA_BYTES // 1024} KiB, nested at most "
    f"{MAX_METADATA_DEPTH} deep. A field that the collection declares must have its type (422)."
)
ACL_DESCRIPTION = (
    "A JSON list of principals, such as `user:ann` or `group:legal`: the document is there for "
    "them alone. Empty, the default: for everybody who may read the collection. A duplicate keeps "
    "what it has, and so does a next version where this is left out."
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

router = APIRouter(
    tags=["documents"],
    route_class=ReceivingRoute,
    responses=error_responses(InvalidRequest, StorageUnavailable),
)


@router.post(
    "/documents",
    status_code=202,
    operation_id="uploadDocuments",
    response_model=AcceptedBody | AcceptedManyBody,
    response_description="Accepted; several files: with an outcome for each.",
    responses={
        200: THERE_ALREADY,
        **error_responses(*FILE_ERRORS, InvalidCollectionName, InvalidMetadata),
    },
)
def upload_documents(
    parts: Parts,
    reader: Writes,
    request_id: RequestIdentity,
    response: Response,
    noted: Noted,
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
    acl: Annotated[str | None, Form(description=ACL_DESCRIPTION)] = None,
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
        acl=None if acl is None else json_strings(acl, "acl"),
        is_bulk=priority == "bulk" or (priority is None and len(file) > MANY_FILES),
    )
    if len(file) == 1:
        accepted = _accept(parts, file[0], template, reader)
        noted.subjects(accepted.id)
        response.status_code = 200 if accepted.duplicate else 202
        return accepted
    # The same for all files: a mistake in it is the whole request's.
    check_uploads(parts, template, reader)
    outcomes = (_accept_or_refuse(parts, request_id, one, template, reader) for one in file)
    ids, written = [], []
    # Written as they come: ten thousand of them as objects would take tens of megabytes, and the
    # event loop seconds to write down.
    for outcome in outcomes:
        written.append(outcome.model_dump_json().encode())
        if isinstance(outcome, AcceptedBody):
            ids.append(outcome.id)
    noted.subjects(*ids)
    body = b",".join(written)
    return Response(b'{"documents":[%b]}' % body, status_code=202, media_type="application/json")


@router.put(
    "/documents/{document_id}",
    status_code=202,
    operation_id="replaceDocument",
    responses={
        200: THERE_ALREADY,
        **error_responses(DocumentNotFound, *FILE_ERRORS, DuplicateContent, BelongsToParent),
    },
)
def replace_document(
    parts: Parts,
    reader: Writes,
    response: Response,
    document_id: DocumentId,
    file: Annotated[ReceivedFile, File(description="The new bytes.")],
) -> AcceptedBody:
    """Accept new bytes as the document's next version; the one before answers until it is ready.

    The bytes that it has already answer 200.
    """
    filename = clean_filename(file.filename)
    acceptance = accept_new_bytes(parts, file.staged, document_id, filename, reader)
    response.status_code = 200 if acceptance.duplicate else 202
    return AcceptedBody.of_acceptance(acceptance)


def _accept(
    parts: ServiceParts, file: ReceivedFile, template: Upload, reader: Reader
) -> AcceptedBody:
    upload = replace(template, filename=clean_filename(file.filename))
    return AcceptedBody.of_acceptance(accept_file(parts, file.staged, upload, reader))


def _accept_or_refuse(
    parts: ServiceParts,
    request_id: str,
    file: ReceivedFile,
    template: Upload,
    reader: Reader,
) -> AcceptedBody | RefusedBody:
    try:
        return _accept(parts, file, template, reader)
    except LecternError as error:
        log_unavailable(request_id, error)
        return RefusedBody(
            filename=clean_filename(file.filename),
            error=FailureBody.of(error),
        )
