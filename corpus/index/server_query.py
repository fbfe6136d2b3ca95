"""A search plan as one request to a Qdrant server, fused inside the engine."""

from __future__ import annotations

from typing import Any

from llama_index.core.vector_stores.types import VectorStoreQuery
from qdrant_client.http.models import (
    Filter,
    IdfCorpusParams,
    Prefetch,
    Rrf,
    RrfQuery,
    SearchParams,
    SparseVector,
)

from corpus.index.fusion import Half, RankFusion, SearchPlan
from corpus.index.server_filters import server_filter, server_tenant_filter


def server_request(plan: SearchPlan, query: VectorStoreQuery, fusion: RankFusion) -> dict[str, Any]:
    """Arguments of `QdrantClient.query_points`; each half is filtered by all that the query says.

    The plan has halves.
    """
    condition = server_filter(query.filters, node_ids=query.node_ids, document_ids=query.doc_ids)
    tenant = server_tenant_filter(query.filters)
    if not plan.fused:
        half = plan.halves[0]
        return {
            "query": _vector(half),
            "using": half.using,
            "limit": plan.limit,
            "query_filter": condition,
            "search_params": _params(half, tenant),
        }
    prefetches = [
        Prefetch(
            query=_vector(half),
            using=half.using,
            limit=half.limit,
            filter=condition,
            params=_params(half, tenant),
        )
        for half in plan.halves
    ]
    weights = [half.weight for half in plan.halves]
    return {
        "prefetch": prefetches,
        "query": RrfQuery(rrf=Rrf(k=fusion.rank_constant, weights=weights)),
        "limit": plan.limit,
    }


def _vector(half: Half) -> SparseVector | list[float]:
    if isinstance(half.vector, tuple):
        return SparseVector(indices=half.vector[0], values=half.vector[1])
    return half.vector


def _params(half: Half, tenant: Filter | None) -> SearchParams | None:
    """How rare a word is, is counted within the collection: another's texts must not tell.

    The engine refuses it for dense vectors.
    """
    if tenant is None or not half.is_sparse:
        return None
    return SearchParams(idf=IdfCorpusParams(corpus=tenant))
