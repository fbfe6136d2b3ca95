"""Collections: which there are, and which metadata fields they declare."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path

from corpus.deletion import delete_collection
from corpus.errors import (
    CollectionBusy,
    CollectionExists,
    CollectionNotFound,
    IndexUnavailable,
    InvalidCollectionName,
    InvalidRequest,
    MalformedJson,
    StorageUnavailable,
)
from corpus.names import check_collection_name
from corpus.registry.collections import (
    change_collection,
    create_collection,
    find_collection,
    list_collections,
)
from service.http.state import Administers, Noted, Parts, Reads
from service.rest.collection_shapes import (
    ChangeCollectionRequest,
    CollectionBody,
    CollectionDeletedBody,
    CollectionListBody,
    NewCollectionRequest,
)
from service.rest.openapi import error_responses

Name = Annotated[str, Path(description="The collection's name.")]

router = APIRouter(tags=["collections"], responses=error_responses(StorageUnavailable))


@router.get("/collections", operation_id="listCollections")
def list_all(parts: Parts, reader: Reads) -> CollectionListBody:
    """All collections with their number of documents; an upload to a new name makes one."""
    with parts.registry.read() as connection:
        found = list_collections(connection, reader)
    return CollectionListBody(collections=[CollectionBody.of(one) for one in found])


@router.post(
    "/collections",
    status_code=201,
    operation_id="createCollection",
    responses=error_responses(MalformedJson, InvalidCollectionName, CollectionExists),
)
def create(
    parts: Parts, reader: Administers, noted: Noted, body: NewCollectionRequest
) -> CollectionBody:
    """Make an empty collection; 409 when there is one of this name."""
    noted.subjects(body.name)
    check_collection_name(body.name)
    reader.require(body.name)
    _check_model(parts, body.llm_model)
    with parts.registry.write() as connection:
        create_collection(connection, body.name, body.as_settings())
        return CollectionBody.of(find_collection(connection, body.name, reader))


@router.get(
    "/collections/{name}",
    operation_id="getCollection",
    responses=error_responses(InvalidRequest, CollectionNotFound),
)
def get_collection(parts: Parts, reader: Reads, name: Name) -> CollectionBody:
    """One collection."""
    with parts.registry.read() as connection:
        return CollectionBody.of(find_collection(connection, name, reader))


@router.patch(
    "/collections/{name}",
    operation_id="changeCollection",
    responses=error_responses(InvalidRequest, MalformedJson, CollectionNotFound),
)
def change(
    parts: Parts, reader: Administers, name: Name, body: ChangeCollectionRequest
) -> CollectionBody:
    """Put other settings in place; nothing is ingested again, and questions follow them at once."""
    _check_model(parts, body.llm_model)
    with parts.registry.write() as connection:
        there = CollectionBody.of(find_collection(connection, name, reader, to_change=True))
        settings = there.model_copy(update=body.changes()).as_settings()
        change_collection(connection, name, settings)
        return CollectionBody.of(find_collection(connection, name, reader))


@router.delete(
    "/collections/{name}",
    operation_id="deleteCollection",
    responses=error_responses(InvalidRequest, CollectionNotFound, CollectionBusy, IndexUnavailable),
)
def delete(parts: Parts, reader: Administers, name: Name) -> CollectionDeletedBody:
    """Delete a collection with its documents and conversations; takes a moment a document."""
    reader.require(name)
    receipt = delete_collection(parts.registry, parts.originals, parts.store, name)
    return CollectionDeletedBody(**asdict(receipt))


def _check_model(parts: Parts, model: str | None) -> None:
    """Collections choose among the models that the operator names: others may cost more."""
    offered = [] if parts.llm is None else [parts.llm.metadata.model_name, *parts.other_llms]
    if model is not None and model not in offered:
        raise InvalidRequest(
            f"The model {model!r} is not offered.",
            hint=f"Choose among: {', '.join(offered)}; LECTERN_LLM_MODELS on the server adds some."
            if offered
            else "There is no LLM: LECTERN_LLM on the server names one.",
        )
