"""Random filters over random nodes and metadata: every store finds what plain Python says."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import MetadataFilters, VectorStoreQuery

from corpus.index.edge.store import EdgeVectorStore
from corpus.index.port import NodeStore
from corpus.registry.live_documents import LiveDocument
from service.retrieval.document_conditions import parts_of, resolved
from service.retrieval.filters import parse_filters
from service.retrieval.retriever import within_collection
from tests.qdrant import EVERY_QDRANT, new_store, qdrant_server
from tests.samples.filter_grammar import (
    DECLARED,
    metadata_of,
    palettes,
    plain_meaning,
    raw_filters,
)
from tests.samples.index_nodes import DIMENSION, a_node

IDS = [str(uuid.UUID(int=number)) for number in range(4)]
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")


@pytest.fixture(scope="module", params=["edge", *EVERY_QDRANT])
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NodeStore]:
    if request.param == "edge":
        opened = EdgeVectorStore.open(tmp_path_factory.mktemp("index") / "i", DIMENSION)
        yield opened
        opened.close()
    else:
        with qdrant_server(request.param) as address, new_store(address, DIMENSION) as on_server:
            yield on_server


@dataclass
class Scene:
    """Documents with their nodes, and filters that may fit them."""

    nodes: list[BaseNode]
    documents: list[LiveDocument]
    filters: list[dict[str, Any]]


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    palette = draw(palettes())
    nodes: list[BaseNode] = []
    documents = []
    for document_id in IDS:
        documents.append(LiveDocument(document_id, 1, draw(metadata_of(palette, may_misfit=True))))
        of_document = {key: draw(palette[key]) for key in ("filename", "created_at", "media_type")}
        for ordinal, page in enumerate(draw(st.lists(palette["page"], min_size=1, max_size=2))):
            node = a_node(document_id=document_id, ordinal=ordinal, page=page)
            node.metadata.update(of_document)
            nodes.append(node)
    filters = draw(st.lists(raw_filters(palette, IDS), min_size=1, max_size=6))
    return Scene(nodes, documents, filters)


@settings(
    max_examples=60,
    # Shrinking would outlast the test's time limit; scenes are small as they are.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(scene=scenes())
def test_a_store_finds_what_plain_python_says(store: NodeStore, scene: Scene) -> None:
    store.clear()
    store.add(scene.nodes)
    metadata = {document.id: document.metadata for document in scene.documents}
    for raw in scene.filters:
        expected = {
            node.node_id
            for node in scene.nodes
            if plain_meaning(raw, node.metadata, metadata[node.metadata["document_id"]])
        }
        asked = asked_of_the_index(raw, scene.documents)
        assert {node.node_id for node in store.get_nodes(filters=asked)} == expected
        assert store.count(asked) == len(expected)
        query = VectorStoreQuery(
            query_embedding=[1.0, 0.0, 0.0, 0.0], similarity_top_k=100, filters=asked
        )
        assert set(store.query(query).ids or []) == expected


def asked_of_the_index(raw: dict[str, Any], documents: list[LiveDocument]) -> MetadataFilters:
    filters = parse_filters(raw, DECLARED)
    assert filters is not None
    parts = parts_of(filters)
    for document in documents:
        for part in parts:
            part.sort(document)
    return within_collection("filings", resolved(filters, parts))
