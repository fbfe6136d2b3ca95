"""The node index on a Qdrant server: LlamaIndex's vector store interface over its REST API."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, TypeVar

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import (
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryResult,
)
from qdrant_client import QdrantClient
from qdrant_client.http.models import (
    Filter,
    QueryResponse,
    Record,
)

from corpus.index.bm25 import Bm25Encoder
from corpus.index.fusion import (
    FusedResult,
    ScoreFusion,
    SearchPlan,
    fuse,
    half_scores,
    plan_search,
)
from corpus.index.layout import DENSE_VECTOR, DOCUMENT_FIELD, MAX_DOCUMENTS
from corpus.index.points import (
    IndexPoint,
    StoredEmbedding,
    check_embeddings,
    check_length,
    to_points,
)
from corpus.index.port import NodeStore, Registration, refuse_unknown
from corpus.index.server.collection import (
    PLAIN,
    CollectionLayout,
)
from corpus.index.server.connection import (
    ServerAddress,
)
from corpus.index.server.filters import server_filter
from corpus.index.server.own_collection import OwnCollection
from corpus.index.server.points import index_point_of, node_of, server_point, stored_embedding_of
from corpus.index.server.query import server_requests
from corpus.nodes import EMBED_SHA
from corpus.ownership import Installation

SCROLL_POINTS = 1024
BATCH_POINTS = 64
# The server counts the nodes of each by itself, within the time that one answer may take.
COUNTED_DOCUMENTS = 500
_FLOAT32_BYTES = 4

AnswerT = TypeVar("AnswerT")


class ServerVectorStore(NodeStore):
    """A `NodeStore` in one collection of a Qdrant server; safe to use from several threads.

    Making it asks nothing of the server. The first call that gets through makes the collection if
    it is missing, so a server that is away at the start may come later; until then, and whenever it
    is away, calls raise `IndexUnavailable`. Stock LlamaIndex can open the same collection with
    `QdrantVectorStore(enable_hybrid=True)`.

    The collection is the `installation`'s, and marked so where it is nobody's; another's raises
    `StoreOfAnother` at every call. Without one it is only read: what would change it raises that.
    """

    is_embedded: ClassVar[bool] = False
    is_on_server: ClassVar[bool] = True

    _collection: OwnCollection = PrivateAttr()
    _name: str = PrivateAttr()
    _dimension: int = PrivateAttr()
    _layout: CollectionLayout = PrivateAttr()
    _fusion: ScoreFusion = PrivateAttr()
    _encoder: Bm25Encoder = PrivateAttr()
    _read_s: int = PrivateAttr()

    def __init__(
        self,
        address: ServerAddress,
        collection_name: str,
        dimension: int,
        installation: Installation | None = None,
        *,
        layout: CollectionLayout = PLAIN,
        fusion: ScoreFusion | None = None,
        registration: Registration | None = None,
    ) -> None:
        super().__init__(stores_text=True)
        self._collection = OwnCollection(
            address, collection_name, dimension, layout, installation, registration
        )
        self._name = collection_name
        self._dimension = dimension
        self._layout = layout
        self._fusion = fusion if fusion is not None else ScoreFusion()
        self._encoder = Bm25Encoder()
        # Told to the server too, so that it stops searching for who has given up.
        self._read_s = math.ceil(address.limits.read_s)

    @classmethod
    def class_name(cls) -> str:
        """Name for LlamaIndex's serialisation."""
        return "ServerVectorStore"

    @property
    def client(self) -> QdrantClient:
        """The client itself."""
        return self._collection.client

    @property
    def name(self) -> str:
        """The collection's name on the server."""
        return self._name

    @property
    def collection(self) -> OwnCollection:
        """The collection itself: whether it is there, whose it is, and made ours."""
        return self._collection

    def prepare(self) -> None:
        """See `OwnCollection.prepare`."""
        self._collection.prepare()

    def ping(self) -> None:
        """See `OwnCollection.ping`."""
        self._collection.ping()

    def add(self, nodes: Sequence[BaseNode], **kwargs: object) -> list[str]:
        """Store nodes with their embeddings; gives their ids in order, once the server has them."""
        refuse_unknown(kwargs)
        check_embeddings(nodes, self._dimension)
        for start in range(0, len(nodes), BATCH_POINTS):
            self.add_points(to_points(nodes[start : start + BATCH_POINTS], self._encoder))
        return [node.node_id for node in nodes]

    def add_points(self, points: Sequence[IndexPoint]) -> None:
        """Store points in one request."""
        for point in points:
            check_length(len(point.dense) // _FLOAT32_BYTES, self._dimension)
        if points:
            taken = [server_point(point) for point in points]
            self._collection.change(lambda client: client.upsert(self._name, taken, wait=True))

    def delete(self, ref_doc_id: str, **delete_kwargs: object) -> None:
        """Delete every node of a document."""
        refuse_unknown(delete_kwargs)
        self._collection.delete_where(server_filter(document_ids=[ref_doc_id]))

    def delete_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        **delete_kwargs: object,
    ) -> None:
        """Delete the nodes that match; `InvalidFilter` when nothing is asked for (see `clear`)."""
        refuse_unknown(delete_kwargs)
        self._collection.delete_where(server_filter(filters, node_ids=node_ids))

    def clear(self) -> None:
        """Delete every node; the collection stays."""
        self._collection.delete_where(Filter())

    def count(self, filters: MetadataFilters | None = None) -> int:
        """How many nodes match, exactly."""
        condition = server_filter(filters)
        answer = self._collection.ask(
            lambda client: client.count(
                self._name, count_filter=condition, exact=True, timeout=self._read_s
            )
        )
        return answer.count

    def count_roughly(self) -> int:
        """What its segments hold; points that are being moved may count twice."""
        return self._collection.ask(
            lambda client: client.count(self._name, exact=False, timeout=self._read_s)
        ).count

    def document_counts(self) -> Mapping[str, int]:
        """How many nodes each document has, exactly, by document id; any order."""
        counts: dict[str, int] = {}
        seen = self._documents_seen()
        for start in range(0, len(seen), COUNTED_DOCUMENTS):
            some = seen[start : start + COUNTED_DOCUMENTS]
            counts.update(self._facet(len(some), server_filter(document_ids=some)))
        # The engine may tell of documents whose nodes were all removed, with 0.
        return {document_id: count for document_id, count in counts.items() if count}

    def _documents_seen(self) -> list[str]:
        """Whose nodes there are, and maybe of some more: exactly takes too long for them all."""
        return list(self._facet(MAX_DOCUMENTS, None, exact=False))

    def _facet(self, limit: int, of: Filter | None, *, exact: bool = True) -> dict[str, int]:
        found = self._collection.ask(
            lambda client: client.facet(
                self._name, DOCUMENT_FIELD, of, limit=limit, exact=exact, timeout=self._read_s
            )
        )
        return {str(hit.value): hit.count for hit in found.hits}

    def get_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        limit: int | None = None,
    ) -> list[BaseNode]:
        """The nodes that match, at most `limit`, in the order of their ids."""
        condition = server_filter(filters, node_ids=node_ids)
        found: list[Record] = []
        offset = None
        while limit is None or len(found) < limit:
            wanted = SCROLL_POINTS if limit is None else min(limit - len(found), SCROLL_POINTS)
            records, offset = self._collection.ask(
                lambda client, at=offset, size=wanted: client.scroll(  # type: ignore[misc]
                    self._name, condition, limit=size, offset=at, timeout=self._read_s
                )
            )
            found += records
            if offset is None:
                break
        return [node_of(record) for record in found]

    def node_ids(self) -> Iterator[list[str]]:
        """The ids of all nodes, page by page."""
        offset = None
        while True:
            records, offset = self._collection.ask(
                lambda client, at=offset: client.scroll(  # type: ignore[misc]
                    self._name, limit=SCROLL_POINTS, offset=at, with_payload=False
                )
            )
            yield [str(record.id) for record in records]
            if offset is None:
                return

    def stored_embeddings(
        self, node_ids: Sequence[str], *, with_vectors: bool = True
    ) -> Mapping[str, StoredEmbedding]:
        """What is stored of these nodes, by id; those that are not there are missing."""
        found = self._records(
            node_ids, [EMBED_SHA], vectors=[DENSE_VECTOR] if with_vectors else False
        )
        return {str(record.id): stored_embedding_of(record) for record in found}

    def scroll(self, after: str | None, limit: int) -> tuple[list[IndexPoint], str | None]:
        """The next points in the order of their ids, and where to go on; None: that was all."""
        records, following = self._collection.ask(
            lambda client: client.scroll(
                self._name, limit=limit, offset=after, with_vectors=True, timeout=self._read_s
            )
        )
        return [index_point_of(one) for one in records], None if following is None else str(
            following
        )

    def query(self, query: VectorStoreQuery, **kwargs: object) -> VectorStoreQueryResult:
        """Search, best first; see `EdgeVectorStore.query`, which this equals."""
        with_embedding = bool(kwargs.pop("with_embedding", False))
        refuse_unknown(kwargs)
        plan = plan_search(query, self._encoder, self._fusion)
        if not plan.halves:
            return VectorStoreQueryResult(nodes=[], similarities=[], ids=[])
        requests = server_requests(
            plan, query, self._layout.search_params(), with_embedding=with_embedding
        )
        found: list[QueryResponse] = self._collection.ask(
            lambda client: client.query_batch_points(self._name, requests, timeout=self._read_s)
        )
        # Afterwards: one that was left is emptied, and would be found to hold nothing.
        self._collection.require_current()
        if plan.is_hybrid:
            scores = [{str(hit.id): hit.score for hit in half.points} for half in found]
            return self._fused(plan, scores, with_embedding=with_embedding)
        hits = found[0].points
        return VectorStoreQueryResult(
            nodes=[node_of(hit) for hit in hits],
            similarities=[hit.score for hit in hits],
            ids=[str(hit.id) for hit in hits],
        )

    def _fused(
        self, plan: SearchPlan, scores: Sequence[Mapping[str, float]], *, with_embedding: bool
    ) -> VectorStoreQueryResult:
        best = dict(fuse(plan, scores))
        vectors = [DENSE_VECTOR] if with_embedding else False
        records = self._records(list(best), payload=True, vectors=vectors)
        # A node may be deleted between the two requests.
        there = {str(record.id): record for record in records}
        ids = [hit for hit in best if hit in there]
        return FusedResult(
            nodes=[node_of(there[hit]) for hit in ids],
            similarities=[best[hit] for hit in ids],
            ids=ids,
            halves=half_scores(plan, scores, ids),
        )

    def close(self) -> None:
        """Close the connections; closing twice is harmless."""
        self._collection.close()

    def _records(
        self, node_ids: Sequence[str], payload: bool | list[str], vectors: bool | list[str]
    ) -> list[Record]:
        return self._collection.ask(
            lambda client: client.retrieve(
                self._name,
                list(node_ids),
                with_payload=payload,
                with_vectors=vectors,
                timeout=self._read_s,
            )
        )
