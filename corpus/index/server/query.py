"""The halves of a search plan as requests to a Qdrant server."""

from __future__ import annotations

from llama_index.core.vector_stores.types import VectorStoreQuery
from qdrant_client.http.models import (
    Filter,
    IdfCorpusParams,
    QuantizationSearchParams,
    QueryRequest,
    SearchParams,
    SparseVector,
)

from corpus.index.fusion import Half, SearchPlan
from corpus.index.layout import DENSE_VECTOR
from corpus.index.server.filters import server_filter, server_tenant_filter


def server_requests(
    plan: SearchPlan,
    query: VectorStoreQuery,
    quantization: QuantizationSearchParams | None,
    *,
    with_embedding: bool,
) -> list[QueryRequest]:
    """One request a half, each filtered by all that the query says; a hybrid's ask for ids only."""
    condition = server_filter(query.filters, node_ids=query.node_ids, document_ids=query.doc_ids)
    tenant = server_tenant_filter(query.filters)
    vectors = [DENSE_VECTOR] if with_embedding and not plan.is_hybrid else False
    return [
        QueryRequest(
            query=_vector(half),
            using=half.using,
            limit=half.limit,
            filter=condition,
            params=_params(half, tenant, quantization),
            with_payload=not plan.is_hybrid,
            with_vector=vectors,
        )
        for half in plan.halves
    ]


def _vector(half: Half) -> SparseVector | list[float]:
    if isinstance(half.vector, tuple):
        return SparseVector(indices=half.vector[0], values=half.vector[1])
    return half.vector


def _params(
    half: Half, tenant: Filter | None, quantization: QuantizationSearchParams | None
) -> SearchParams | None:
    """How rare a word is, is counted within the collection: another's texts must not tell.

    The engine refuses it for dense vectors, and only these are quantised.
    """
    if not half.is_sparse:
        return None if quantization is None else SearchParams(quantization=quantization)
    return None if tenant is None else SearchParams(idf=IdfCorpusParams(corpus=tenant))
