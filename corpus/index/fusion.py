"""How a LlamaIndex query becomes searches of the engine, and how their hits become one list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from llama_index.core.vector_stores.types import (
    VectorStoreQuery,
    VectorStoreQueryMode,
    VectorStoreQueryResult,
)

from corpus.index.bm25 import Bm25Encoder
from corpus.index.languages import languages_of
from corpus.index.layout import DENSE_VECTOR, SPARSE_VECTOR

# Strings, or numbers where making strings of a thousand ids would cost more than searching.
PointId = TypeVar("PointId", str, int)
SparseVectorValues = tuple[list[int], list[float]]

# Measured, hybrid alone (no ranking after it), share of questions whose passage is first and among
# the first 5 (wiki), or whose page is among the first 5 and 10 (19 filings, 47 questions):
#   weight           wiki/en        wiki/de        wiki/zh        filings
#   0 (dense alone)  0.891 0.984    0.560 0.791    0.142 0.356    0.596 0.702
#   0.3              0.973 1.000    0.934 0.989    0.820 0.965    0.702 0.851
#   0.8              0.968 1.000    0.946 0.991    0.938 0.997
#   sparse alone     0.956 0.994    0.922 0.979    0.938 0.995    0.447 0.574
# Reciprocal rank fusion, which was here before, had 0.951 1.000, 0.752 0.973, 0.372 0.960.
DEFAULT_SPARSE_WEIGHT = 0.3
# An English embedding tells little of texts in another language; their words then count more.
FOREIGN_SPARSE_WEIGHT = 0.8
# Hits without their payload are nearly free (12,000 points: 2.5 ms for 200, 2.6 for 500). So deep,
# hardly a hit of one search that matters has no score in the other: 400 and 1,000 found the same,
# 100 lost a tenth of the pages.
DEPTH = 400


@dataclass(frozen=True)
class ScoreFusion:
    """Weighted sum of scores: cosine + weight * BM25 / (the best BM25 score of this search).

    The sum is divided by 1 + weight, so it lies in [-1, 1]. A hit that one search has not found
    within its `depth` hits has the lowest cosine found there, or a BM25 score of 0.
    `sparse_weight` is for questions in `embedded_languages` (ISO 639-1; None: the embedding knows
    them all), `foreign_sparse_weight` for others.
    """

    sparse_weight: float = DEFAULT_SPARSE_WEIGHT
    foreign_sparse_weight: float = FOREIGN_SPARSE_WEIGHT
    embedded_languages: frozenset[str] | None = frozenset({"en"})
    depth: int = DEPTH

    def share_of_words(self, question: str, alpha: float | None) -> float:
        """The share of the BM25 score in the sum, in [0, 1].

        A query's `alpha` in [0, 1] (1 is all dense) wins over the weights; raises `ValueError` for
        another one.
        """
        if alpha is not None:
            if not 0.0 <= alpha <= 1.0:
                raise ValueError(f"alpha is {alpha}; it must lie in [0, 1]")
            return 1.0 - alpha
        known = self.embedded_languages
        is_foreign = known is not None and not known.intersection(languages_of(question))
        weight = self.foreign_sparse_weight if is_foreign else self.sparse_weight
        return weight / (1.0 + weight)


@dataclass(frozen=True)
class Half:
    """A search by one of the two vectors, `limit` hits deep, with its share in the sum."""

    using: str
    vector: list[float] | SparseVectorValues
    limit: int
    share: float = 1.0

    @property
    def is_sparse(self) -> bool:
        """Searches by words rather than by meaning."""
        return isinstance(self.vector, tuple)


@dataclass(frozen=True)
class SearchPlan:
    """The halves to search and how many nodes are wanted of them.

    No halves: nothing can match (the text has no words to search for).
    """

    halves: tuple[Half, ...]
    limit: int
    is_hybrid: bool = False


@dataclass
class FusedResult(VectorStoreQueryResult):
    """The result of a hybrid search, and what each half said of its nodes.

    `halves` maps a node's id to its cosine and its BM25 score; None where a search did not find it.
    """

    halves: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)


def half_scores(
    plan: SearchPlan, hits: Sequence[Mapping[PointId, float]], kept: Iterable[PointId]
) -> dict[PointId, tuple[float | None, float | None]]:
    """The cosine and the BM25 score of the hits that are kept; `hits` as for `fuse`."""
    dense: Mapping[PointId, float] = {}
    sparse: Mapping[PointId, float] = {}
    for half, found in zip(plan.halves, hits, strict=True):
        if half.is_sparse:
            sparse = found
        else:
            dense = found
    return {hit: (dense.get(hit), sparse.get(hit)) for hit in kept}


def plan_search(query: VectorStoreQuery, encoder: Bm25Encoder, fusion: ScoreFusion) -> SearchPlan:
    """The searches that `query` asks for.

    `similarity_top_k` bounds a dense search, `sparse_top_k` (else `similarity_top_k`) a sparse
    one, `hybrid_top_k` (else `similarity_top_k`) a hybrid one. Raises `ValueError` when the
    embedding or the text that the mode needs is missing, and for modes other than DEFAULT,
    SPARSE and HYBRID.
    """
    if query.mode is VectorStoreQueryMode.DEFAULT:
        limit = query.similarity_top_k
        return SearchPlan((Half(DENSE_VECTOR, _embedding(query), limit),), limit)
    if query.mode is VectorStoreQueryMode.SPARSE:
        limit = query.sparse_top_k or query.similarity_top_k
        vector = _words(query, encoder)
        return SearchPlan((Half(SPARSE_VECTOR, vector, limit),) if vector[0] else (), limit)
    if query.mode is VectorStoreQueryMode.HYBRID:
        return _plan_hybrid(query, encoder, fusion)
    raise ValueError(f"the query mode {query.mode.value!r} is not supported")


def fuse(plan: SearchPlan, hits: Sequence[Mapping[PointId, float]]) -> list[tuple[PointId, float]]:
    """(id, score) of the best `plan.limit` hits of a hybrid search, best first.

    `hits` has the scores by id of each half of the plan. Equal scores are in the order of ids.
    """
    sums: dict[PointId, float] = dict.fromkeys([hit for found in hits for hit in found], 0.0)
    for half, found in zip(plan.halves, hits, strict=True):
        if not found:
            continue
        best = max(found.values())
        scale = half.share / best if half.is_sparse and best > 0 else half.share
        missing = 0.0 if half.is_sparse else min(found.values())
        for hit in sums:
            sums[hit] += scale * found.get(hit, missing)
    return sorted(sums.items(), key=lambda item: (-item[1], item[0]))[: plan.limit]


def _plan_hybrid(query: VectorStoreQuery, encoder: Bm25Encoder, fusion: ScoreFusion) -> SearchPlan:
    limit = query.hybrid_top_k or query.similarity_top_k
    depth = max(limit, fusion.depth)
    words = _words(query, encoder)
    share = fusion.share_of_words(query.query_str or "", query.alpha)
    halves = []
    if share < 1:
        halves.append(Half(DENSE_VECTOR, _embedding(query), depth, 1 - share))
    if share > 0 and words[0]:
        halves.append(Half(SPARSE_VECTOR, words, depth, share))
    return SearchPlan(tuple(halves), limit, is_hybrid=True)


def _embedding(query: VectorStoreQuery) -> list[float]:
    if query.query_embedding is None:
        raise ValueError(f"a {query.mode.value} query needs query_embedding")
    return query.query_embedding


def _words(query: VectorStoreQuery, encoder: Bm25Encoder) -> SparseVectorValues:
    if query.query_str is None:
        raise ValueError(f"a {query.mode.value} query needs query_str")
    indices, values = encoder.encode_queries([query.query_str])
    return indices[0], values[0]
