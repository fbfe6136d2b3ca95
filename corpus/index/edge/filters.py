"""Filters in the words of Qdrant Edge."""

from __future__ import annotations

from collections.abc import Sequence

from llama_index.core.vector_stores.types import FilterCondition, MetadataFilters
from qdrant_edge import (
    FieldCondition,
    Filter,
    HasIdCondition,
    MatchAny,
    RangeDateTime,
    RangeFloat,
)

from corpus.index.filters import Bounds, compile_selection, tenant_scope

EdgeCondition = FieldCondition | HasIdCondition | Filter


class EdgeDialect:
    """The `FilterDialect` of `qdrant_edge`."""

    def any_value(self, key: str, values: Sequence[str] | Sequence[int]) -> EdgeCondition:
        """The field equals one of the values; nothing matches an empty list."""
        return FieldCondition(key, match=MatchAny(list(values)))  # type: ignore[arg-type]

    def number_range(self, key: str, bounds: Bounds) -> EdgeCondition:
        """The field is a number within the bounds."""
        return FieldCondition(key, range=RangeFloat(**bounds))

    def time_range(self, key: str, bounds: Bounds) -> EdgeCondition:
        """The field is a time within the bounds."""
        return FieldCondition(key, range=RangeDateTime(**bounds))

    def any_id(self, node_ids: Sequence[str]) -> EdgeCondition:
        """The node's id is one of these."""
        return HasIdCondition(set(node_ids))

    def group(self, kind: FilterCondition, members: list[EdgeCondition]) -> EdgeCondition:
        """AND, OR or NOT of the members."""
        if kind is FilterCondition.OR:
            return Filter(should=[*members])
        if kind is FilterCondition.NOT:
            return Filter(must_not=[*members])
        return Filter(must=[*members])


def edge_filter(
    filters: MetadataFilters | None = None,
    *,
    node_ids: Sequence[str] | None = None,
    document_ids: Sequence[str] | None = None,
) -> Filter | None:
    """The engine's filter; None selects every node. Raises `InvalidFilter`."""
    condition = compile_selection(
        EdgeDialect(), filters, node_ids=node_ids, document_ids=document_ids
    )
    return None if condition is None else _as_filter(condition)


def edge_tenant_filter(filters: MetadataFilters | None) -> Filter | None:
    """The filter of the collection that `filters` fixes, if they fix one."""
    return edge_filter(tenant_scope(filters))


def _as_filter(condition: EdgeCondition) -> Filter:
    return condition if isinstance(condition, Filter) else Filter(must=[condition])
