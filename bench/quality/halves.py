"""The two halves of hybrid search and their sum, without what ranks them afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llama_index.core.vector_stores.types import VectorStoreQuery, VectorStoreQueryMode

from bench.quality.data_sets import DataSet
from corpus.index.port import NodeStore
from lectern.evaluation.asking import TOP_K, Asked
from lectern.evaluation.scoring import Judged, judge
from service.parts import ServiceParts
from service.retrieval.retriever import embedded, within_collection
from service.wording.rewriting import rewrite

MODES = {
    "dense": VectorStoreQueryMode.DEFAULT,
    "sparse": VectorStoreQueryMode.SPARSE,
    "hybrid": VectorStoreQueryMode.HYBRID,
}
_PLACE = ("filename", "page", "start_char", "end_char")


def judged_halves(
    parts: ServiceParts, data: DataSet, asked: Sequence[Asked]
) -> dict[str, list[Judged]]:
    """The marks of each question by the name of the mode; `asked` says where the answers are."""
    found: dict[str, list[Judged]] = {name: [] for name in MODES}
    for one in asked:
        question = rewrite(one.golden.question)
        _, embedding = embedded(question, parts.embedding)
        for name, mode in MODES.items():
            query = VectorStoreQuery(
                query_str=question.expanded,
                query_embedding=embedding,
                similarity_top_k=TOP_K,
                mode=mode,
                filters=within_collection(data.collection, None),
            )
            found[name].append(judge(replace(one, hits=_hits(parts.store, query))))
    return found


def _hits(store: NodeStore, query: VectorStoreQuery) -> list[dict[str, object]]:
    nodes = store.query(query).nodes or []
    return [{key: node.metadata[key] for key in _PLACE} for node in nodes]
