"""Collections: which there are, and which metadata fields they declare."""

from __future__ import annotations

from fastapi import APIRouter

from corpus.declared_fields import check_declaration
from corpus.names import check_collection_name
from corpus.registry.declarations import create_collection, declare_fields
from corpus.registry.documents import find_collection, list_collections
from service.http.shapes import (
    ChangeCollectionRequest,
    CollectionBody,
    CollectionListBody,
    NewCollectionRequest,
)
from service.http.state import Parts

router = APIRouter(tags=["collections"])


@router.get("/collections")
def list_all(parts: Parts) -> CollectionListBody:
    """All collections with their number of documents; an upload to a new name makes one."""
    with parts.registry.read() as connection:
        found = list_collections(connection)
    return CollectionListBody(collections=[CollectionBody.of(one) for one in found])


@router.post("/collections", status_code=201)
def create(parts: Parts, body: NewCollectionRequest) -> CollectionBody:
    """Make an empty collection; 409 when there is one of this name."""
    check_collection_name(body.name)
    check_declaration(body.metadata_fields)
    with parts.registry.write() as connection:
        create_collection(connection, body.name, body.metadata_fields)
        return CollectionBody.of(find_collection(connection, body.name))


@router.get("/collections/{name}")
def get_collection(parts: Parts, name: str) -> CollectionBody:
    """One collection."""
    with parts.registry.read() as connection:
        return CollectionBody.of(find_collection(connection, name))


@router.patch("/collections/{name}")
def change_collection(parts: Parts, name: str, body: ChangeCollectionRequest) -> CollectionBody:
    """Put other declarations in place; nothing is ingested again, and filters know them at once."""
    with parts.registry.write() as connection:
        if body.metadata_fields is not None:
            check_declaration(body.metadata_fields)
            declare_fields(connection, name, body.metadata_fields)
        return CollectionBody.of(find_collection(connection, name))
