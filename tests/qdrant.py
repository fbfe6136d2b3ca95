"""Qdrant servers for tests: the double over HTTP, and the one that QDRANT_URL names.

On a real server every test has a collection of its own, which is deleted afterwards.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from qdrant_client import QdrantClient

from corpus.index.fusion import ScoreFusion
from corpus.index.server.connection import ServerAddress, connect
from corpus.index.server.store import ServerVectorStore
from tests.doubles.qdrant_over_http import QdrantOverHttp
from tests.installations import an_installation

OVER_HTTP = "qdrant over http"
SERVER = "qdrant server"
EVERY_QDRANT = [OVER_HTTP, *([SERVER] if os.environ.get("QDRANT_URL") else [])]


@contextmanager
def qdrant_server(kind: str, *, is_strict: bool = True) -> Iterator[ServerAddress]:
    """The address of a server of this kind, one of `EVERY_QDRANT`; a real one is as it is."""
    if kind == SERVER:
        yield ServerAddress(os.environ["QDRANT_URL"], os.environ.get("QDRANT_API_KEY"))
        return
    with QdrantOverHttp(is_strict=is_strict) as double:
        yield ServerAddress(double.url)


@contextmanager
def new_collection(address: ServerAddress) -> Iterator[tuple[QdrantClient, str]]:
    """A client and a name that no collection has; one that is made of that name goes in the end."""
    name = f"lectern-test-{uuid4()}"
    client = connect(address)
    try:
        yield client, name
    finally:
        client.delete_collection(name)
        client.close()


@contextmanager
def new_store(
    address: ServerAddress, dimension: int, fusion: ScoreFusion | None = None
) -> Iterator[ServerVectorStore]:
    """An empty store in a collection of its own."""
    with new_collection(address) as (_, name):
        store = ServerVectorStore(address, name, dimension, an_installation(), fusion=fusion)
        yield store
        store.close()
