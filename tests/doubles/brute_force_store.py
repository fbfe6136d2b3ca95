"""An in-memory node store that answers the real port by looking at every node."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
    VectorStoreQueryResult,
)

from service.wording.words import content_words


class BruteForceStore(BasePydanticVectorStore):
    """Dense, sparse (shared words) and hybrid queries with nested filters; best first.

    Drive it by `add`: nodes carry their embeddings.
    """

    stores_text: bool = True
    _nodes: dict[str, BaseNode] = PrivateAttr(default_factory=dict)
    _words: dict[str, set[str]] = PrivateAttr(default_factory=dict)

    @property
    def client(self) -> None:
        return None

    def add(self, nodes: Sequence[BaseNode], **_: object) -> list[str]:
        for node in nodes:
            self._nodes[node.node_id] = node
            self._words[node.node_id] = set(content_words(node.get_content()))
        return [node.node_id for node in nodes]

    def delete(self, ref_doc_id: str, **_: object) -> None:
        for name in [n.node_id for n in self._nodes.values() if n.ref_doc_id == ref_doc_id]:
            del self._nodes[name]

    def query(self, query: VectorStoreQuery, **_: object) -> VectorStoreQueryResult:
        nodes = [n for n in self._nodes.values() if matches(n.metadata, query.filters)]
        scores = {node.node_id: self._score(query, node, nodes) for node in nodes}
        best = sorted(nodes, key=lambda node: -scores[node.node_id])[: query.similarity_top_k]
        return VectorStoreQueryResult(
            nodes=best,
            similarities=[scores[node.node_id] for node in best],
            ids=[node.node_id for node in best],
        )

    def _score(self, query: VectorStoreQuery, node: BaseNode, nodes: list[BaseNode]) -> float:
        score = 0.0
        if query.mode != VectorStoreQueryMode.SPARSE:
            score += float(np.asarray(node.embedding) @ np.asarray(query.query_embedding))
        if query.mode != VectorStoreQueryMode.DEFAULT:
            words = set(content_words(query.query_str or ""))
            most = max(len(words & self._words[other.node_id]) for other in nodes)
            score += len(words & self._words[node.node_id]) / max(1, most)
        return score


def matches(metadata: dict[str, Any], filters: MetadataFilters | MetadataFilter | None) -> bool:
    """Whether a node with this metadata passes; the plain meaning of the filters."""
    if filters is None:
        return True
    if isinstance(filters, MetadataFilter):
        read = _moment if filters.key == "created_at" else _as_it_is
        return _holds(read(metadata.get(filters.key)), filters.operator, read(filters.value))
    outcomes = [matches(metadata, part) for part in filters.filters]
    if filters.condition == FilterCondition.OR:
        return any(outcomes)
    if filters.condition == FilterCondition.NOT:
        return not any(outcomes)
    return all(outcomes)


_ORDER: dict[FilterOperator, Callable[[Any, Any], bool]] = {
    FilterOperator.GT: operator.gt,
    FilterOperator.GTE: operator.ge,
    FilterOperator.LT: operator.lt,
    FilterOperator.LTE: operator.le,
}


def _holds(have: object, how: FilterOperator, want: object) -> bool:
    if how in (FilterOperator.IN, FilterOperator.NIN):
        return isinstance(want, list) and (have in want) == (how == FilterOperator.IN)
    if how in _ORDER:
        return have is not None and _ORDER[how](have, want)
    return (have == want) == (how == FilterOperator.EQ)


def _as_it_is(value: object) -> object:
    return value


def _moment(text: object) -> datetime | None:
    moment = None if text is None else datetime.fromisoformat(str(text))
    return moment.replace(tzinfo=moment.tzinfo or UTC) if moment else None
