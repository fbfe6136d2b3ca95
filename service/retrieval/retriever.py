"""Hybrid retrieval: the question's embedding and its words, fused by the node index."""

from __future__ import annotations

import asyncio

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.callbacks import CallbackManager
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    FilterCondition,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
)

from service.retrieval.live_nodes import LiveVersions, find_dead

# The registry may strike nodes of deleted, failed, unfinished and replaced versions from what is
# found; while a document is being replaced, half of the nodes are its old ones.
OVER_FETCH = 2
# Where it struck so many that too few are left, the search is repeated without those versions.
MAX_SEARCHES = 4


class HybridRetriever(BaseRetriever):
    """Nodes of one collection, best first; empty when nothing matches the filters.

    Fetches `OVER_FETCH * top_k` nodes, and looks further when so few of them are live that `top_k`
    would not be reached; `LiveNodesOnly` strikes the others and cuts to what is asked for. Leaves
    the question's embedding in the `QueryBundle`, as LlamaIndex's own retriever does, so that later
    steps need not compute it again. On the async path all work runs in threads.

    Errors: EmbeddingUnavailable, IndexUnavailable.
    """

    def __init__(
        self,
        store: BasePydanticVectorStore,
        embedding: BaseEmbedding,
        *,
        collection: str,
        live_versions: LiveVersions,
        filters: MetadataFilters | None = None,
        top_k: int,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        super().__init__(callback_manager=callback_manager or CallbackManager())
        self._store = store
        self._embedding = embedding
        self._live_versions = live_versions
        self._filters = within_collection(collection, filters)
        self._top_k = top_k
        self._limit = OVER_FETCH * top_k

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        if query_bundle.embedding is None:
            query_bundle.embedding = self._embedding.get_agg_embedding_from_queries(
                query_bundle.embedding_strs
            )
        filters = self._filters
        nodes: list[NodeWithScore] = []
        for _ in range(MAX_SEARCHES):
            nodes = self._search(query_bundle, filters)
            dead = find_dead(nodes, self._live_versions)
            enough = len(nodes) - dead.node_count >= self._top_k
            if enough or len(nodes) < self._limit:
                break
            filters = MetadataFilters(
                filters=[filters, dead.others_only()], condition=FilterCondition.AND
            )
        return nodes

    def _search(self, query_bundle: QueryBundle, filters: MetadataFilters) -> list[NodeWithScore]:
        result = self._store.query(
            VectorStoreQuery(
                query_embedding=query_bundle.embedding,
                query_str=query_bundle.query_str,
                similarity_top_k=self._limit,
                hybrid_top_k=self._limit,
                sparse_top_k=self._limit,
                mode=VectorStoreQueryMode.HYBRID,
                filters=filters,
            )
        )
        scores = result.similarities or []
        nodes = [
            NodeWithScore(node=node, score=score)
            for node, score in zip(result.nodes or [], scores, strict=True)
        ]
        return nodes[: self._limit]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


def within_collection(collection: str, filters: MetadataFilters | None) -> MetadataFilters:
    """`filters` and the collection's name: no filter of a caller can widen a search beyond it."""
    own = MetadataFilter(key="collection", value=collection)
    return MetadataFilters(
        filters=[own] if filters is None else [own, filters], condition=FilterCondition.AND
    )
