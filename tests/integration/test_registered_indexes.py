"""An index on a Qdrant server beside others of the same registry: a build, one that was left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest
from llama_index.core.vector_stores.types import VectorStoreQuery, VectorStoreQueryMode

from corpus.embedding.fingerprint import EmbeddingFingerprint
from corpus.errors import IndexSuperseded
from corpus.index.selections import of_document
from corpus.index.server.clearing import clear_collection
from corpus.index.server.connection import ServerAddress
from corpus.index.server.store import ServerVectorStore
from corpus.registry.database.engine import Registry, open_sqlite_registry
from corpus.registry.fingerprints import hold_fingerprint, switch_fingerprints
from corpus.registry.indexes import begin_index, note_switch
from corpus.registry.installation import this_installation
from lectern.server.registered import RegisteredIndex
from tests.contract.test_registry_side_by_side import accept
from tests.doubles.qdrant_over_http import QdrantOverHttp
from tests.installations import an_installation
from tests.samples.index_nodes import DIMENSION, a_node

OLD = EmbeddingFingerprint("old", DIMENSION, "mean", "", True, 1)
NEW = replace(OLD, model="new")
QUESTION = VectorStoreQuery(
    query_str="revenue",
    query_embedding=[1.0, 0.0, 0.0, 0.0],
    similarity_top_k=10,
    mode=VectorStoreQueryMode.HYBRID,
)

Opener = Callable[[EmbeddingFingerprint], ServerVectorStore]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with closing(open_sqlite_registry(tmp_path / "registry.sqlite")) as opened:
        accept(opened, "a" * 64)
        with opened.write() as connection:
            hold_fingerprint(connection, "default", OLD.as_json())
        yield opened


@pytest.fixture
def qdrant() -> Iterator[QdrantOverHttp]:
    with QdrantOverHttp() as double:
        yield double


@pytest.fixture
def store_of(registry: Registry, qdrant: QdrantOverHttp) -> Iterator[Opener]:
    """Opens the index of a fingerprint, as a process with these settings does."""
    with ExitStack() as opened:

        def store_of(fingerprint: EmbeddingFingerprint) -> ServerVectorStore:
            store = ServerVectorStore(
                ServerAddress(qdrant.url),
                f"lectern-{fingerprint.short}",
                DIMENSION,
                this_installation(registry),
                registration=RegisteredIndex(registry, fingerprint),
            )
            opened.enter_context(closing(store))
            return store

        yield store_of


def begin(registry: Registry) -> None:
    with registry.write() as connection:
        begin_index(connection, NEW.short, NEW.as_json())


def switch(registry: Registry) -> None:
    with registry.write() as connection:
        switch_fingerprints(connection, NEW.as_json())
        note_switch(connection, NEW.short, OLD.short, OLD.as_json())


def test_what_is_deleted_is_deleted_in_a_build_and_by_a_process_of_before(
    registry: Registry, store_of: Opener
) -> None:
    old, new = store_of(OLD), store_of(NEW)
    begin(registry)
    for document_id in ("d1", "d2", "d3"):
        for store in (old, new):
            store.add([a_node(document_id=document_id)])
    old.delete_nodes(filters=of_document("d1"))
    assert set(old.document_counts()) == set(new.document_counts()) == {"d2", "d3"}
    switch(registry)
    old.delete_nodes(filters=of_document("d2"))
    new.delete_nodes(filters=of_document("d3"))
    assert old.count() == new.count() == 0


def test_nothing_is_deleted_in_an_index_that_is_another_installations(
    registry: Registry, store_of: Opener, qdrant: QdrantOverHttp
) -> None:
    old = store_of(OLD)
    begin(registry)
    address, name = ServerAddress(qdrant.url), f"lectern-{NEW.short}"
    with closing(ServerVectorStore(address, name, DIMENSION, an_installation("theirs"))) as theirs:
        for store in (old, theirs):
            store.add([a_node(document_id="d1")])
        old.delete_nodes(filters=of_document("d1"))
        clear_collection(address, NEW.short, ["d1"], owner=this_installation(registry).id)
        assert (old.count(), theirs.count()) == (0, 1)


def test_a_build_that_has_no_collection_yet_is_in_nobodys_way(
    registry: Registry, store_of: Opener, qdrant: QdrantOverHttp
) -> None:
    old = store_of(OLD)
    begin(registry)
    old.add([a_node(document_id="d1")])
    old.delete_nodes(filters=of_document("d1"))
    assert old.count() == 0
    assert len(qdrant.created) == 1


def test_a_process_of_before_finds_nothing_any_more_and_says_so(
    registry: Registry, store_of: Opener
) -> None:
    old, new = store_of(OLD), store_of(NEW)
    begin(registry)
    old.add([a_node(document_id="d1")])
    assert old.query(QUESTION).ids
    old.ping()
    switch(registry)
    for ask in (old.ping, lambda: old.query(QUESTION)):
        with pytest.raises(IndexSuperseded, match="by new"):
            ask()
    new.ping()
    assert new.query(QUESTION).ids == []
