"""The node index on a Qdrant server: LlamaIndex's own store, with our BM25, filters and fusion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import (
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryResult,
)
from llama_index.vector_stores.qdrant import QdrantVectorStore
from qdrant_client import QdrantClient
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse
from qdrant_client.http.models import (
    Distance,
    Filter,
    FilterSelector,
    KeywordIndexParams,
    KeywordIndexType,
    Modifier,
    PayloadSchemaType,
    PointStruct,
    Record,
    SparseVector,
    SparseVectorParams,
    VectorParams,
)

from corpus.errors import IndexUnavailable, InvalidFilter, LecternError
from corpus.index.bm25 import Bm25Encoder
from corpus.index.fusion import (
    FusedResult,
    ScoreFusion,
    SearchPlan,
    fuse,
    half_scores,
    plan_search,
)
from corpus.index.layout import (
    DENSE_VECTOR,
    DOCUMENT_FIELD,
    MAX_DOCUMENTS,
    PAYLOAD_INDEXES,
    SPARSE_VECTOR,
    TENANT_FIELD,
)
from corpus.index.points import (
    IndexPoint,
    StoredEmbedding,
    check_embeddings,
    check_length,
    to_points,
)
from corpus.index.port import NodeStore, refuse_unknown
from corpus.index.server.filters import server_filter
from corpus.index.server.query import server_requests
from corpus.nodes import EMBED_SHA

SCROLL_POINTS = 1024
BATCH_POINTS = 64


# Stock Qdrant methods also take a shard identifier; we use no custom sharding and refuse it.
class ServerVectorStore(NodeStore, QdrantVectorStore):  # type: ignore[misc]
    """A `NodeStore` in one collection of a Qdrant server (or of `QdrantClient(":memory:")`).

    Made at construction if the server has no such collection. Stock LlamaIndex can open the same
    collection with `QdrantVectorStore(enable_hybrid=True)`.
    """

    is_embedded: ClassVar[bool] = False

    _dimension: int = PrivateAttr()
    _fusion: ScoreFusion = PrivateAttr()
    _encoder: Bm25Encoder = PrivateAttr()

    def __init__(
        self,
        client: QdrantClient,
        collection_name: str,
        dimension: int,
        fusion: ScoreFusion | None = None,
    ) -> None:
        """Raises `IndexUnavailable`, or `EmbeddingMismatch` for a collection of other vectors."""
        encoder = Bm25Encoder()
        with server_errors():
            super().__init__(
                client=client,
                collection_name=collection_name,
                enable_hybrid=True,
                dense_vector_name=DENSE_VECTOR,
                sparse_vector_name=SPARSE_VECTOR,
                sparse_doc_fn=encoder.encode_documents,
                sparse_query_fn=encoder.encode_queries,
                dense_config=VectorParams(size=dimension, distance=Distance.COSINE),
                sparse_config=SparseVectorParams(modifier=Modifier.IDF),
                payload_indexes=_payload_indexes(),
            )
            if not self._collection_initialized:
                self._create_collection(collection_name, dimension)
            check_length(dimension, _stored_dimension(client, collection_name))
        self._dimension = dimension
        self._fusion = fusion if fusion is not None else ScoreFusion()
        self._encoder = encoder

    @classmethod
    def class_name(cls) -> str:
        """Name for LlamaIndex's serialisation."""
        return "ServerVectorStore"

    def add(  # type: ignore[override]
        self, nodes: Sequence[BaseNode], **kwargs: object
    ) -> list[str]:
        """Store nodes with their embeddings; gives their ids in order, once the server has them."""
        refuse_unknown(kwargs)
        check_embeddings(nodes, self._dimension)
        points = [
            PointStruct(
                id=point.id,
                vector={
                    DENSE_VECTOR: np.frombuffer(point.dense, dtype="<f4").tolist(),
                    SPARSE_VECTOR: SparseVector(
                        indices=point.sparse_indices, values=point.sparse_values
                    ),
                },
                payload=point.payload,
            )
            for point in to_points(nodes, self._encoder)
        ]
        with server_errors():
            self._client.upload_points(
                self.collection_name, points, batch_size=BATCH_POINTS, wait=True
            )
        return [node.node_id for node in nodes]

    def delete(  # type: ignore[override]
        self, ref_doc_id: str, **delete_kwargs: object
    ) -> None:
        """Delete every node of a document."""
        refuse_unknown(delete_kwargs)
        self._delete_where(server_filter(document_ids=[ref_doc_id]))

    def delete_nodes(  # type: ignore[override]
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        **delete_kwargs: object,
    ) -> None:
        """Delete the nodes that match; `InvalidFilter` when nothing is asked for (see `clear`)."""
        refuse_unknown(delete_kwargs)
        self._delete_where(server_filter(filters, node_ids=node_ids))

    def clear(self) -> None:
        """Delete every node; the collection stays."""
        self._delete_where(Filter())

    def count(self, filters: MetadataFilters | None = None) -> int:
        """How many nodes match, exactly."""
        with server_errors():
            answer = self._client.count(
                self.collection_name, count_filter=server_filter(filters), exact=True
            )
        return answer.count

    def document_counts(self) -> Mapping[str, int]:
        """How many nodes each document has, exactly, by document id; any order."""
        with server_errors():
            found = self._client.facet(
                self.collection_name, DOCUMENT_FIELD, limit=MAX_DOCUMENTS, exact=True
            )
        return {str(hit.value): hit.count for hit in found.hits}

    def get_nodes(  # type: ignore[override]
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        limit: int | None = None,
    ) -> list[BaseNode]:
        """The nodes that match, at most `limit`, in the order of their ids."""
        condition = server_filter(filters, node_ids=node_ids)
        found: list[Any] = []
        offset = None
        while limit is None or len(found) < limit:
            wanted = SCROLL_POINTS if limit is None else min(limit - len(found), SCROLL_POINTS)
            with server_errors():
                records, offset = self._client.scroll(
                    self.collection_name, scroll_filter=condition, limit=wanted, offset=offset
                )
            found += records
            if offset is None:
                break
        return list(self.parse_to_query_result(found).nodes or [])

    def stored_embeddings(
        self, node_ids: Sequence[str], *, with_vectors: bool = True
    ) -> Mapping[str, StoredEmbedding]:
        """What is stored of these nodes, by id; those that are not there are missing."""
        with server_errors():
            found = self._client.retrieve(
                self.collection_name,
                list(node_ids),
                with_payload=[EMBED_SHA],
                with_vectors=[DENSE_VECTOR] if with_vectors else False,
            )
        return {
            str(record.id): StoredEmbedding(
                str((record.payload or {}).get(EMBED_SHA, "")), _dense_bytes(record.vector)
            )
            for record in found
        }

    def scroll(self, after: str | None, limit: int) -> tuple[list[IndexPoint], str | None]:
        """The next points in the order of their ids, and where to go on; None: that was all."""
        with server_errors():
            records, following = self._client.scroll(
                self.collection_name, limit=limit, offset=after, with_vectors=True
            )
        return [_point_of(one) for one in records], None if following is None else str(following)

    def query(self, query: VectorStoreQuery, **kwargs: object) -> VectorStoreQueryResult:
        """Search, best first; see `EdgeVectorStore.query`, which this equals."""
        with_embedding = bool(kwargs.pop("with_embedding", False))
        refuse_unknown(kwargs)
        plan = plan_search(query, self._encoder, self._fusion)
        if not plan.halves:
            return VectorStoreQueryResult(nodes=[], similarities=[], ids=[])
        requests = server_requests(plan, query, with_embedding=with_embedding)
        with server_errors():
            found = self._client.query_batch_points(self.collection_name, requests)
        if plan.is_hybrid:
            scores = [{str(hit.id): hit.score for hit in half.points} for half in found]
            return self._fused(plan, scores, with_embedding=with_embedding)
        return self.parse_to_query_result(found[0].points)

    def _fused(
        self, plan: SearchPlan, scores: Sequence[Mapping[str, float]], *, with_embedding: bool
    ) -> VectorStoreQueryResult:
        best = dict(fuse(plan, scores))
        with server_errors():
            records = self._client.retrieve(
                self.collection_name,
                list(best),
                with_payload=True,
                with_vectors=[DENSE_VECTOR] if with_embedding else False,
            )
        # A node may be deleted between the two requests.
        there = {str(record.id): record for record in records}
        kept = [there[hit] for hit in best if hit in there]
        result = self.parse_to_query_result(kept)
        ids = [str(record.id) for record in kept]
        return FusedResult(
            nodes=result.nodes,
            similarities=[best[hit] for hit in ids],
            ids=result.ids,
            halves=half_scores(plan, scores, ids),
        )

    def close(self) -> None:
        """Close the connections; closing twice is harmless."""
        self._client.close()

    def _delete_where(self, condition: Filter | None) -> None:
        if condition is None:
            raise InvalidFilter("Say which nodes to delete.")
        with server_errors():
            self._client.delete(
                self.collection_name, points_selector=FilterSelector(filter=condition), wait=True
            )


def open_server_store(
    url: str,
    api_key: str | None,
    collection_name: str,
    dimension: int,
    *,
    timeout_s: float,
    fusion: ScoreFusion | None = None,
) -> ServerVectorStore:
    """Connect and make the collection if it is missing.

    Raises `IndexUnavailable` when the server does not answer within `timeout_s` (whole seconds, at
    least one).
    """
    # The compatibility check would be one more request, whose failure is only a warning.
    client = QdrantClient(
        url=url, api_key=api_key, timeout=max(1, round(timeout_s)), check_compatibility=False
    )
    return ServerVectorStore(client, collection_name, dimension, fusion)


@contextmanager
def server_errors() -> Iterator[None]:
    """Raise `IndexUnavailable` for an error of the client or the server."""
    try:
        yield
    except LecternError:
        raise
    except UnexpectedResponse as error:
        hint = "Check QDRANT_API_KEY." if error.status_code in (401, 403) else None
        raise IndexUnavailable(f"Qdrant refused the request: {error}.", hint=hint) from error
    except ApiException as error:
        raise IndexUnavailable(f"Qdrant does not answer: {error!r}.") from error


def _payload_indexes() -> list[dict[str, Any]]:
    tenant = KeywordIndexParams(type=KeywordIndexType.KEYWORD, is_tenant=True)
    return [
        {
            "field_name": field,
            "field_schema": tenant if field == TENANT_FIELD else PayloadSchemaType(kind),
        }
        for field, kind in PAYLOAD_INDEXES.items()
    ]


def _point_of(found: Record) -> IndexPoint:
    vectors = found.vector if isinstance(found.vector, dict) else {}
    sparse = vectors.get(SPARSE_VECTOR)
    words = sparse if isinstance(sparse, SparseVector) else SparseVector(indices=[], values=[])
    return IndexPoint(
        id=str(found.id),
        dense=_dense_bytes(vectors),
        sparse_indices=words.indices,
        sparse_values=words.values,
        payload=found.payload or {},
    )


def _dense_bytes(vectors: object) -> bytes:
    if not isinstance(vectors, dict):
        return b""
    return np.asarray(vectors[DENSE_VECTOR], dtype="<f4").tobytes()


def _stored_dimension(client: QdrantClient, collection_name: str) -> int:
    vectors = client.get_collection(collection_name).config.params.vectors
    dense = vectors.get(DENSE_VECTOR) if isinstance(vectors, dict) else None
    return dense.size if dense is not None else 0
