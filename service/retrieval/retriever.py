"""Hybrid retrieval: the question's embedding and its words, fused by the node index."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

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

from corpus.index.fusion import FusedResult
from corpus.tracing import UNTRACED, Tracing
from service.retrieval.live_nodes import LiveVersions, find_dead
from service.wording.rewriting import Rewritten, rewrite

# The registry may strike nodes of deleted, failed, unfinished and replaced versions from what is
# found; while a document is being replaced, half of the nodes are its old ones.
OVER_FETCH = 2
# `RankedInContext` orders what is found anew; with 60 to 300 it finds as much.
CANDIDATES = 60
# Where it struck so many that too few are left, the search is repeated without those versions.
MAX_SEARCHES = 4


class HybridRetriever(BaseRetriever):
    """Nodes of one collection, best first; empty when nothing matches the filters.

    Fetches more than `top_k` nodes, and looks further when so few of them are live that `top_k`
    would not be reached; `LiveNodesOnly` strikes the others, `RankedInContext` orders and cuts to
    what is asked for. Searches for the question as `rewrite` has it. Leaves the embedding of its
    `plain` form in the `QueryBundle`, as LlamaIndex's own retriever does, so that later steps need
    not compute it again. On the async path all work runs in threads.

    Afterwards `halves` has the cosine and the BM25 score of each node, as far as the store tells
    (`FusedResult`).

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
        tracing: Tracing = UNTRACED,
    ) -> None:
        super().__init__(callback_manager=CallbackManager())
        self._store = store
        self._embedding = embedding
        self._live_versions = live_versions
        self._filters = within_collection(collection, filters)
        self._top_k = top_k
        self._tracing = tracing
        self._limit = max(OVER_FETCH * top_k, CANDIDATES)
        self.halves: Mapping[str, tuple[float | None, float | None]] = {}

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        question = rewrite(query_bundle.query_str)
        embedding = query_bundle.embedding
        if embedding is None:
            query_bundle.embedding, embedding = embedded(question, self._embedding)
        filters = self._filters
        nodes: list[NodeWithScore] = []
        for _ in range(MAX_SEARCHES):
            nodes = self._search(question.expanded, embedding, filters)
            dead = find_dead(nodes, self._live_versions)
            enough = len(nodes) - dead.node_count >= self._top_k
            if enough or len(nodes) < self._limit:
                break
            filters = MetadataFilters(
                filters=[filters, dead.others_only()], condition=FilterCondition.AND
            )
        return nodes

    def _search(
        self, words: str, embedding: Sequence[float], filters: MetadataFilters
    ) -> list[NodeWithScore]:
        query = VectorStoreQuery(
            query_embedding=list(embedding),
            query_str=words,
            similarity_top_k=self._limit,
            hybrid_top_k=self._limit,
            sparse_top_k=self._limit,
            mode=VectorStoreQueryMode.HYBRID,
            filters=filters,
        )
        with self._tracing.span("index query"):
            result = self._store.query(query)
        if isinstance(result, FusedResult):
            self.halves = result.halves
        scores = result.similarities or []
        nodes = [
            NodeWithScore(node=node, score=score)
            for node, score in zip(result.nodes or [], scores, strict=True)
        ]
        return nodes[: self._limit]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


def embedded(question: Rewritten, embedding: BaseEmbedding) -> tuple[list[float], list[float]]:
    """The embedding of the question's `plain` form, and the one to search with.

    That is the mean of the plain and the expanded form; the same where there is nothing related.
    """
    plain = embedding.get_query_embedding(question.plain)
    if not question.related:
        return plain, plain
    expanded = embedding.get_query_embedding(question.expanded)
    return plain, [(a + b) / 2 for a, b in zip(plain, expanded, strict=True)]


def within_collection(collection: str, filters: MetadataFilters | None) -> MetadataFilters:
    """`filters` and the collection's name: no filter of a caller can widen a search beyond it."""
    own = MetadataFilter(key="collection", value=collection)
    return MetadataFilters(
        filters=[own] if filters is None else [own, filters], condition=FilterCondition.AND
    )
