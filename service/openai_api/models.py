"""Models: each collection is one."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from corpus.access import Reader
from corpus.errors import CollectionNotFound, InvalidCollectionName
from corpus.names import check_collection_name
from corpus.registry.collections import collection_exists, collections_made
from corpus.registry.database.engine import Registry
from service.asking.question import DEFAULT_COLLECTION
from service.http.state import Parts, Reads

router = APIRouter()


class Model(BaseModel):
    """A collection; `created` is in seconds since 1970, 0 before anything was uploaded to it."""

    id: str = Field(examples=[DEFAULT_COLLECTION])
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "lectern"


class ModelList(BaseModel):
    """All models, by id."""

    object: Literal["list"] = "list"
    data: list[Model]


@router.get("/v1/models")
def list_all(parts: Parts, reader: Reads) -> ModelList:
    """All collections; the default one even before anything was uploaded."""
    return ModelList(data=list_models(parts.registry, reader))


@router.get("/v1/models/{model:path}")
def get_one(parts: Parts, reader: Reads, model: str) -> Model:
    """One collection."""
    return find_model(parts.registry, model, reader)


def list_models(registry: Registry, reader: Reader) -> list[Model]:
    """The model of each collection, by name, the default one's among them."""
    with registry.read() as connection:
        made = collections_made(connection, reader)
    models = {name: Model(id=name, created=int(at.timestamp())) for name, at in made.items()}
    if reader.knows(DEFAULT_COLLECTION):
        models.setdefault(DEFAULT_COLLECTION, Model(id=DEFAULT_COLLECTION))
    return [models[name] for name in sorted(models)]


def find_model(registry: Registry, name: str, reader: Reader) -> Model:
    """The model of this name, or `CollectionNotFound`."""
    for model in list_models(registry, reader):
        if model.id == name:
            return model
    raise _not_found(name)


def require_model(registry: Registry, name: str, reader: Reader) -> None:
    """Raise `CollectionNotFound` unless there is a model of this name, whatever it looks like."""
    if not reader.knows(name):
        raise _not_found(name)
    if name == DEFAULT_COLLECTION:
        return
    try:
        check_collection_name(name)
    except InvalidCollectionName as error:
        raise _not_found(name) from error
    with registry.read() as connection:
        if not collection_exists(connection, name):
            raise _not_found(name)


def _not_found(name: str) -> CollectionNotFound:
    return CollectionNotFound(
        f"There is no model {name[:80]!r}.",
        hint="GET /v1/models lists the models; each is a collection of documents.",
    )
