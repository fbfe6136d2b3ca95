"""How a LlamaIndex query becomes one search in the engine: its halves, their depth and weights."""

from __future__ import annotations

from dataclasses import dataclass

from llama_index.core.vector_stores.types import VectorStoreQuery, VectorStoreQueryMode

from corpus.index.bm25 import Bm25Encoder
from corpus.index.layout import DENSE_VECTOR, SPARSE_VECTOR

SparseVectorValues = tuple[list[int], list[float]]

# In Qdrant's formula (see `RankFusion`) a half's influence grows with its weight only where
# rank > weight * (constant - 1): at 60, the constant of the paper (Cormack, Clarke and Buettcher,
# SIGIR 2009), lowering a weight makes the half decide more among the first 60 hits. Measured, share
# of questions whose passage (encyclopedia, 632) is first, and whose page (8 filings, 18; 19
# filings, 47; without page heads) is among the first 5 and 10:
#   constant 2, weights 1 and 1     0.913   0.50 0.61   0.32 0.43
#   constant 5, weights 1 and 0.3   0.935   0.56 0.78   0.32 0.49
#   constant 60, weights 1 and 1            0.50 0.56   0.30 0.40
#   dense alone                     0.801   0.56 0.83   0.32 0.55
#   sparse alone                    0.945   0.39 0.44   0.19 0.26
DEFAULT_RANK_CONSTANT = 5
DEFAULT_DENSE_WEIGHT = 1.0
DEFAULT_SPARSE_WEIGHT = 0.3
# A hit deep in one half still gains from being in the other, and depth is nearly free: hybrid
# searches 10, 50 and 200 deep took 9.4, 9.6 and 10.1 ms (20,000 points, a busy machine).
DEFAULT_CANDIDATES = 50


@dataclass(frozen=True)
class RankFusion:
    """Qdrant's weighted reciprocal rank fusion.

    A hit scores the sum over the halves of 1 / (rank / weight + rank_constant - 1), rank counted
    from 1: a weight of 0.5 makes rank 5 count as rank 10. Only the ratio of the weights matters:
    they are scaled so that the larger is 1. A half of weight 0 is not searched. `candidates` is
    how many hits each half contributes at least.
    """

    dense_weight: float = DEFAULT_DENSE_WEIGHT
    sparse_weight: float = DEFAULT_SPARSE_WEIGHT
    rank_constant: int = DEFAULT_RANK_CONSTANT
    candidates: int = DEFAULT_CANDIDATES

    def weights(self, alpha: float | None) -> tuple[float, float]:
        """(dense, sparse), the larger of them 1; a query's `alpha` in [0, 1] (1 is all dense) wins.

        Raises `ValueError` for another alpha, or when neither weight is positive.
        """
        dense, sparse = self.dense_weight, self.sparse_weight
        if alpha is not None:
            if not 0.0 <= alpha <= 1.0:
                raise ValueError(f"alpha is {alpha}; it must lie in [0, 1]")
            dense, sparse = alpha, 1 - alpha
        larger = max(dense, sparse)
        if larger <= 0:
            raise ValueError(f"the weights are {dense} and {sparse}; one must be positive")
        return dense / larger, sparse / larger


@dataclass(frozen=True)
class Half:
    """A search by one of the two vectors, `limit` hits deep."""

    using: str
    vector: list[float] | SparseVectorValues
    limit: int
    weight: float = 1.0

    @property
    def is_sparse(self) -> bool:
        """Searches by words rather than by meaning."""
        return isinstance(self.vector, tuple)


@dataclass(frozen=True)
class SearchPlan:
    """The halves to search; fused by rank when `fused`, else there is at most one.

    No halves: nothing can match (the text has no words to search for).
    """

    halves: tuple[Half, ...]
    limit: int
    fused: bool


def plan_search(query: VectorStoreQuery, encoder: Bm25Encoder, fusion: RankFusion) -> SearchPlan:
    """The search that `query` asks for.

    `similarity_top_k` bounds a dense search, `sparse_top_k` (else `similarity_top_k`) a sparse
    one, `hybrid_top_k` (else `similarity_top_k`) a hybrid one. Raises `ValueError` when the
    embedding or the text that the mode needs is missing, and for modes other than DEFAULT,
    SPARSE and HYBRID.
    """
    if query.mode is VectorStoreQueryMode.DEFAULT:
        limit = query.similarity_top_k
        return SearchPlan((Half(DENSE_VECTOR, _embedding(query), limit),), limit, fused=False)
    if query.mode is VectorStoreQueryMode.SPARSE:
        limit = query.sparse_top_k or query.similarity_top_k
        vector = _words(query, encoder)
        halves = (Half(SPARSE_VECTOR, vector, limit),) if vector[0] else ()
        return SearchPlan(halves, limit, fused=False)
    if query.mode is VectorStoreQueryMode.HYBRID:
        return _plan_hybrid(query, encoder, fusion)
    raise ValueError(f"the query mode {query.mode.value!r} is not supported")


def _plan_hybrid(query: VectorStoreQuery, encoder: Bm25Encoder, fusion: RankFusion) -> SearchPlan:
    limit = query.hybrid_top_k or query.similarity_top_k
    dense_weight, sparse_weight = fusion.weights(query.alpha)
    dense_depth = max(limit, query.similarity_top_k, fusion.candidates)
    sparse_depth = max(limit, query.sparse_top_k or 0, fusion.candidates)
    words = _words(query, encoder)
    halves = []
    if dense_weight > 0:
        halves.append(Half(DENSE_VECTOR, _embedding(query), dense_depth, dense_weight))
    if sparse_weight > 0 and words[0]:
        halves.append(Half(SPARSE_VECTOR, words, sparse_depth, sparse_weight))
    return SearchPlan(tuple(halves), limit, fused=True)


def _embedding(query: VectorStoreQuery) -> list[float]:
    if query.query_embedding is None:
        raise ValueError(f"a {query.mode.value} query needs query_embedding")
    return query.query_embedding


def _words(query: VectorStoreQuery, encoder: Bm25Encoder) -> SparseVectorValues:
    if query.query_str is None:
        raise ValueError(f"a {query.mode.value} query needs query_str")
    indices, values = encoder.encode_queries([query.query_str])
    return indices[0], values[0]
