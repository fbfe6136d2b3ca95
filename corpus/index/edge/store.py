"""The node index in this process: LlamaIndex's vector store interface on Qdrant Edge."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar, Self, TypeVar, cast
from uuid import UUID

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import (
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryResult,
)
from qdrant_edge import (
    CountRequest,
    EdgeShard,
    FacetRequest,
    Filter,
    PayloadSelector,
    QueryRequest,
    Record,
    ScoredPoint,
    ScrollRequest,
)

from corpus.errors import InvalidFilter
from corpus.index.bm25 import Bm25Encoder
from corpus.index.edge.compaction import COMPACT_AFTER_S, compact, is_due
from corpus.index.edge.filters import edge_filter
from corpus.index.edge.points import edge_point, index_point_of, node_of, stored_embedding_of
from corpus.index.edge.query import edge_requests
from corpus.index.edge.shards import EdgeShards
from corpus.index.edge.tenants import Tenants, only_tenant, without_tenant
from corpus.index.fusion import (
    FusedResult,
    ScoreFusion,
    SearchPlan,
    fuse,
    half_scores,
    plan_search,
)
from corpus.index.layout import DENSE_VECTOR, DOCUMENT_FIELD, MAX_DOCUMENTS, TENANT_FIELD
from corpus.index.points import (
    BATCH_POINTS,
    IndexPoint,
    StoredEmbedding,
    check_length,
    to_points,
)
from corpus.index.port import NodeStore, refuse_unknown
from corpus.nodes import EMBED_SHA

SCROLL_POINTS = 1024
_FLOAT32_BYTES = 4

AnswerT = TypeVar("AnswerT")


class EdgeVectorStore(NodeStore):
    """A `NodeStore` on one shard that this process owns; safe to use from several threads."""

    is_embedded: ClassVar[bool] = True

    _shards: EdgeShards = PrivateAttr()
    _dimension: int = PrivateAttr()
    _fusion: ScoreFusion = PrivateAttr()
    _encoder: Bm25Encoder = PrivateAttr()
    _tenants: Tenants = PrivateAttr()

    def __init__(
        self, shards: EdgeShards, dimension: int, fusion: ScoreFusion | None = None
    ) -> None:
        super().__init__(stores_text=True)
        self._shards = shards
        self._dimension = dimension
        self._fusion = fusion if fusion is not None else ScoreFusion()
        self._encoder = Bm25Encoder()
        self._tenants = Tenants(lambda: self._values_of(TENANT_FIELD))

    @classmethod
    def open(cls, path: Path, dimension: int, fusion: ScoreFusion | None = None) -> Self:
        """Load the index in the folder `path`, or create it; errors as `open_shard`."""
        return cls(EdgeShards(path, dimension), dimension, fusion)

    @classmethod
    def class_name(cls) -> str:
        """Name for LlamaIndex's serialisation."""
        return "EdgeVectorStore"

    @property
    def client(self) -> EdgeShard:
        """The shard itself, until it is compacted."""
        return self._shards.shard

    def add(self, nodes: Sequence[BaseNode], **kwargs: object) -> list[str]:
        """Store nodes with their embeddings; gives their ids in order.

        What is stored when this returns survives `kill -9`. Raises `EmbeddingMismatch` when an
        embedding has the wrong length; nodes before it may be stored by then.
        """
        refuse_unknown(kwargs)
        for start in range(0, len(nodes), BATCH_POINTS):
            self.add_points(to_points(nodes[start : start + BATCH_POINTS], self._encoder))
        return [node.node_id for node in nodes]

    def add_points(self, points: Sequence[IndexPoint]) -> None:
        """Store points in one batch: all or none of it."""
        for point in points:
            check_length(len(point.dense) // _FLOAT32_BYTES, self._dimension)
        with self._tenants.adding({str(point.payload.get(TENANT_FIELD)) for point in points}):
            self._shards.upsert([edge_point(point) for point in points])

    def delete(self, ref_doc_id: str, **delete_kwargs: object) -> None:
        """Delete every node of a document."""
        refuse_unknown(delete_kwargs)
        self._delete_where(edge_filter(document_ids=[ref_doc_id]))

    def delete_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        **delete_kwargs: object,
    ) -> None:
        """Delete the nodes that match; `InvalidFilter` when nothing is asked for (see `clear`)."""
        refuse_unknown(delete_kwargs)
        self._delete_where(edge_filter(filters, node_ids=node_ids))

    def clear(self) -> None:
        """Delete every node."""
        with self._tenants.removing():
            self._shards.remove(Filter())

    def count(self, filters: MetadataFilters | None = None) -> int:
        """How many nodes match, exactly."""
        request = CountRequest(exact=True, filter=edge_filter(filters))
        return self._ask(lambda shard: shard.count(request))

    def document_counts(self) -> Mapping[str, int]:
        """How many nodes each document has, exactly, by document id; any order."""
        # Those whose nodes were all removed are told with 0 until the index is compacted.
        return {one: count for one, count in self._values_of(DOCUMENT_FIELD).items() if count}

    def get_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        limit: int | None = None,
    ) -> list[BaseNode]:
        """The nodes that match, at most `limit`, in the order of their ids."""
        nodes: list[BaseNode] = []
        for record in self._scroll(edge_filter(filters, node_ids=node_ids), limit):
            nodes.append(node_of(record))
            if limit is not None and len(nodes) >= limit:
                break
        return nodes

    def points(self, page_points: int) -> Iterator[list[IndexPoint]]:
        """All points with their vectors, so many at a time, in the order of their ids."""
        offset = None
        while True:
            request = ScrollRequest(
                offset=offset, limit=page_points, with_payload=True, with_vector=True
            )
            records, offset = self._ask(partial(_scroll_page, request))
            yield [index_point_of(record) for record in records]
            if offset is None:
                return

    def stored_embeddings(
        self, node_ids: Sequence[str], *, with_vectors: bool = True
    ) -> Mapping[str, StoredEmbedding]:
        """What is stored of these nodes, by id; those that are not there are missing."""
        wanted: list[int | UUID | str] = [*node_ids]
        selector = PayloadSelector.Include([EMBED_SHA])
        vectors = [DENSE_VECTOR] if with_vectors else False
        found = self._ask(lambda shard: shard.retrieve(wanted, selector, vectors))
        return {str(record.id): stored_embedding_of(record) for record in found}

    def scroll(self, after: str | None, limit: int) -> tuple[list[IndexPoint], str | None]:
        """The next points in the order of their ids, and where to go on; None: that was all.

        64 points (384 dimensions, 150 words) take 9 ms, most of it with the GIL.
        """
        request = ScrollRequest(offset=after, limit=limit, with_payload=True, with_vector=True)
        records, following = self._ask(partial(_scroll_page, request))
        return [index_point_of(one) for one in records], None if following is None else str(
            following
        )

    def query(self, query: VectorStoreQuery, **kwargs: object) -> VectorStoreQueryResult:
        """Search, best first; empty when nothing matches.

        `similarities` are cosines in [-1, 1] (DEFAULT), BM25 scores (SPARSE), or their weighted sum
        (HYBRID: see `ScoreFusion`); higher is better. With `with_embedding=True` each node carries
        its stored embedding, of length 1. Raises `ValueError` for a query that lacks what its mode
        needs.
        """
        with_embedding = bool(kwargs.pop("with_embedding", False))
        refuse_unknown(kwargs)
        tenant = only_tenant(query.filters, self._tenants)
        if tenant is not None and query.filters is not None:
            query = replace(query, filters=without_tenant(query.filters))
        plan = plan_search(query, self._encoder, self._fusion)
        requests = edge_requests(plan, query, with_embedding=with_embedding)
        found = [self._ask(partial(_search, request)) for request in requests]
        if plan.is_hybrid:
            return self._fused(plan, found, tenant, with_embedding=with_embedding)
        hits = [hit for half in found for hit in half if _is_of(tenant, hit)]
        return VectorStoreQueryResult(
            nodes=[node_of(hit) for hit in hits],
            similarities=[hit.score for hit in hits],
            ids=[str(hit.id) for hit in hits],
        )

    def _fused(
        self,
        plan: SearchPlan,
        found: Sequence[Sequence[ScoredPoint]],
        tenant: str | None,
        *,
        with_embedding: bool,
    ) -> VectorStoreQueryResult:
        # As numbers: a thousand UUIDs are hashed and compared by slow Python.
        scores = [{cast("UUID", hit.id).int: hit.score for hit in half} for half in found]
        best = fuse(plan, scores)
        wanted: list[int | UUID | str] = [UUID(int=hit) for hit, _ in best]
        vectors = [DENSE_VECTOR] if with_embedding else False
        records = self._ask(lambda shard: shard.retrieve(wanted, True, vectors))
        nodes = {
            cast("UUID", record.id).int: node_of(record)
            for record in records
            if _is_of(tenant, record)
        }
        # A node may be deleted between the two questions.
        kept = [(hit, score) for hit, score in best if hit in nodes]
        halves = half_scores(plan, scores, [hit for hit, _ in kept])
        return FusedResult(
            nodes=[nodes[hit] for hit, _ in kept],
            similarities=[score for _, score in kept],
            ids=[nodes[hit].node_id for hit, _ in kept],
            halves={nodes[hit].node_id: halves[hit] for hit, _ in kept},
        )

    def compact(self, stop: threading.Event, *, after_s: float = COMPACT_AFTER_S) -> bool:
        """Rid the disk of what was removed `after_s` ago or more; True if anything was done.

        For a thread of its own; `corpus.index.edge.compaction` says what it costs.
        """
        return is_due(self._shards, after_s) and compact(self._shards, stop)

    def close(self) -> None:
        """Write everything out and release the folder; closing twice is harmless."""
        self._shards.close()

    def _ask(self, call: Callable[[EdgeShard], AnswerT]) -> AnswerT:
        return self._shards.read(call)

    def _values_of(self, field: str) -> dict[str, int]:
        """How many nodes have each value of an indexed field, exactly."""
        request = FacetRequest(field, limit=MAX_DOCUMENTS, exact=True)
        found = self._ask(lambda shard: shard.facet(request))
        return {str(hit.value): hit.count for hit in found.hits}

    def _delete_where(self, condition: Filter | None) -> None:
        if condition is None:
            raise InvalidFilter("Say which nodes to delete.")
        with self._tenants.removing():
            self._shards.remove(condition)

    def _scroll(self, condition: Filter | None, limit: int | None) -> Iterator[Record]:
        page_points = SCROLL_POINTS if limit is None else max(1, min(limit, SCROLL_POINTS))
        offset = None
        while True:
            request = ScrollRequest(
                offset=offset, limit=page_points, filter=condition, with_payload=True
            )
            records, offset = self._ask(partial(_scroll_page, request))
            yield from records
            if offset is None:
                return


def _is_of(tenant: str | None, found: ScoredPoint | Record) -> bool:
    """Whether this is the tenant's. Another's first node may come in the moment of a search."""
    return tenant is None or (found.payload or {}).get(TENANT_FIELD) == tenant


def _search(request: QueryRequest, shard: EdgeShard) -> list[ScoredPoint]:
    return shard.query(request)


def _scroll_page(
    request: ScrollRequest, shard: EdgeShard
) -> tuple[list[Record], int | UUID | str | None]:
    return shard.scroll(request)
