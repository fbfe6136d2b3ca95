"""Many documents at once: which of these files are there, and how these documents are doing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from corpus.errors import InvalidCollectionName, InvalidRequest, MalformedJson, StorageUnavailable
from corpus.names import check_collection_name
from corpus.registry.documents import find_by_content, find_documents
from service.asking.question import DEFAULT_COLLECTION
from service.http.state import Parts, Reads
from service.rest.document_shapes import DocumentBody
from service.rest.openapi import error_responses
from service.rest.parameters import CollectionName

MAX_AT_ONCE = 500

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
DocumentId = Annotated[str, Field(max_length=64)]


class KnownRequest(BaseModel):
    """Files, by the sha256 of their bytes in lower-case hex."""

    model_config = ConfigDict(extra="forbid")

    collection: CollectionName = DEFAULT_COLLECTION
    sha256: list[Sha256] = Field(max_length=MAX_AT_ONCE)


class LookupRequest(BaseModel):
    """Documents, by their ids."""

    model_config = ConfigDict(extra="forbid")

    ids: list[DocumentId] = Field(max_length=MAX_AT_ONCE)


class FoundBody(BaseModel):
    """Those that there are, in no order; the others are missing."""

    documents: list[DocumentBody]


router = APIRouter(
    tags=["documents"], responses=error_responses(MalformedJson, InvalidRequest, StorageUnavailable)
)


@router.post(
    "/documents/known",
    operation_id="findKnownFiles",
    responses=error_responses(InvalidCollectionName),
)
def known(parts: Parts, reader: Reads, body: KnownRequest) -> FoundBody:
    """Which of these files need no upload: the document that each would be a duplicate of.

    Documents with an external id are not among them: without it, their bytes are new documents.
    """
    check_collection_name(body.collection)
    with parts.registry.read() as connection:
        found = find_by_content(connection, body.collection, body.sha256, reader)
    return FoundBody(documents=[DocumentBody.of(document) for document in found])


@router.post("/documents/lookup", operation_id="lookUpDocuments")
def lookup(parts: Parts, reader: Reads, body: LookupRequest) -> FoundBody:
    """How these documents are doing; what is deleted or unknown is missing."""
    with parts.registry.read() as connection:
        found = find_documents(connection, body.ids, reader)
    return FoundBody(documents=[DocumentBody.of(document) for document in found])
