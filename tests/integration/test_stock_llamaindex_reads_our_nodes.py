from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest
from llama_index.core.schema import BaseNode, TextNode
from llama_index.core.vector_stores.types import (
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
)
from llama_index.vector_stores.qdrant import QdrantVectorStore
from qdrant_client import QdrantClient
from qdrant_edge import ScrollRequest

from corpus.index.bm25 import Bm25Encoder
from corpus.index.edge.store import EdgeVectorStore
from corpus.index.server.connection import ServerAddress
from corpus.index.server.store import ServerVectorStore
from tests.installations import an_installation
from tests.qdrant import EVERY_QDRANT, new_collection, qdrant_server
from tests.samples.index_nodes import DIMENSION, a_node


@pytest.fixture
def nodes() -> list[TextNode]:
    return [
        a_node("Net sales were $394 billion.", [1.0, 0.0, 0.0, 0.0], ordinal=0, team="finance"),
        a_node("The xylograph clause — §7.", [0.0, 1.0, 0.0, 0.0], ordinal=1, page=9),
    ]


@dataclass
class Shared:
    """A collection for our store and the stock one."""

    address: ServerAddress
    client: QdrantClient
    name: str

    def ours(self) -> ServerVectorStore:
        return ServerVectorStore(self.address, self.name, DIMENSION, an_installation())


@pytest.fixture(params=EVERY_QDRANT)
def shared(request: pytest.FixtureRequest) -> Iterator[Shared]:
    with (
        qdrant_server(request.param) as address,
        new_collection(address) as (client, name),
        closing(ServerVectorStore(address, name, DIMENSION, an_installation())) as store,
    ):
        store.prepare()
        yield Shared(address, client, name)


def stock_store(shared: Shared) -> QdrantVectorStore:
    encoder = Bm25Encoder()
    return QdrantVectorStore(
        shared.name,
        client=shared.client,
        enable_hybrid=True,
        sparse_doc_fn=encoder.encode_documents,
        sparse_query_fn=encoder.encode_queries,
    )


def without_embedding(node: BaseNode) -> dict[str, object]:
    return node.model_dump(exclude={"embedding"})


@pytest.mark.parametrize("mode", [VectorStoreQueryMode.DEFAULT, VectorStoreQueryMode.HYBRID])
def test_the_stock_store_searches_a_collection_that_ours_wrote(
    shared: Shared, nodes: list[TextNode], mode: VectorStoreQueryMode
) -> None:
    with closing(shared.ours()) as ours:
        ours.add(nodes)
    found = stock_store(shared).query(
        VectorStoreQuery(
            query_embedding=[0.0, 1.0, 0.0, 0.0],
            query_str="xylograph",
            similarity_top_k=1,
            mode=mode,
            filters=MetadataFilters(filters=[MetadataFilter(key="page", value=9)]),
        )
    )
    assert [without_embedding(node) for node in found.nodes or []] == [without_embedding(nodes[1])]


def test_ours_searches_a_collection_that_the_stock_store_wrote(
    shared: Shared, nodes: list[TextNode]
) -> None:
    stock_store(shared).add(list(nodes))
    query = VectorStoreQuery(query_str="sales", mode=VectorStoreQueryMode.SPARSE)
    with closing(shared.ours()) as ours:
        found = ours.query(query)
    assert [without_embedding(node) for node in found.nodes or []] == [without_embedding(nodes[0])]


def test_edge_stores_the_points_that_the_stock_store_would(
    shared: Shared, nodes: list[TextNode], edge: EdgeVectorStore
) -> None:
    stock_store(shared).add(list(nodes))
    edge.add(nodes)
    stock, _ = shared.client.scroll(shared.name, with_vectors=True)
    ours, _ = edge.client.scroll(ScrollRequest(limit=10, with_payload=True, with_vector=True))
    assert {str(point.id): point.payload for point in ours} == {
        str(point.id): point.payload for point in stock
    }
    for our_point, stock_point in zip(ours, sorted(stock, key=lambda p: str(p.id)), strict=True):
        assert isinstance(our_point.vector, dict)
        assert isinstance(stock_point.vector, dict)
        assert our_point.vector.keys() == stock_point.vector.keys()
        ours_sparse, stock_sparse = (
            v["text-sparse-new"] for v in (our_point.vector, stock_point.vector)
        )
        assert dict(zip(ours_sparse.indices, ours_sparse.values, strict=True)) == pytest.approx(  # type: ignore[union-attr]
            dict(zip(stock_sparse.indices, stock_sparse.values, strict=True))  # type: ignore[union-attr]
        )


@pytest.fixture
def edge(tmp_path_factory: pytest.TempPathFactory) -> EdgeVectorStore:
    return EdgeVectorStore.open(tmp_path_factory.mktemp("edge") / "index", DIMENSION)
