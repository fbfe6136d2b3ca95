"""Collections: which there are."""

from __future__ import annotations

from fastapi import APIRouter

from corpus.errors import StorageUnavailable
from corpus.registry.documents import list_collections
from service.http.openapi import errors
from service.http.shapes import CollectionBody, CollectionListBody
from service.http.state import Parts

router = APIRouter(tags=["collections"], responses=errors(StorageUnavailable))


@router.get("/collections", operation_id="listCollections")
def list_all(parts: Parts) -> CollectionListBody:
    """All collections with their number of documents; an upload to a new name makes one."""
    with parts.registry.read() as connection:
        found = list_collections(connection)
    return CollectionListBody(collections=[CollectionBody.of(one) for one in found])
