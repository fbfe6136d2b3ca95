"""Filters in the words of a Qdrant server's client."""

from __future__ import annotations

from collections.abc import Sequence

from llama_index.core.vector_stores.types import FilterCondition, MetadataFilters
from qdrant_client.http.models import (
    DatetimeRange,
    FieldCondition,
    Filter,
    HasIdCondition,
    MatchAny,
    Range,
)

from corpus.index.filters import Bounds, compile_selection, tenant_scope

ServerCondition = FieldCondition | HasIdCondition | Filter


class ServerDialect:
    """The `FilterDialect` of `qdrant_client`."""

    def any_value(self, key: str, values: Sequence[str] | Sequence[int]) -> ServerCondition:
        """The field equals one of the values; nothing matches an empty list."""
        return FieldCondition(key=key, match=MatchAny(any=list(values)))

    def number_range(self, key: str, bounds: Bounds) -> ServerCondition:
        """The field is a number within the bounds."""
        return FieldCondition(key=key, range=Range(**bounds))

    def time_range(self, key: str, bounds: Bounds) -> ServerCondition:
        """The field is a time within the bounds."""
        return FieldCondition(key=key, range=DatetimeRange(**bounds))

    def any_id(self, node_ids: Sequence[str]) -> ServerCondition:
        """The node's id is one of these."""
        return HasIdCondition(has_id=list(node_ids))

    def group(self, kind: FilterCondition, members: list[ServerCondition]) -> ServerCondition:
        """AND, OR or NOT of the members."""
        if kind is FilterCondition.OR:
            return Filter(should=[*members])
        if kind is FilterCondition.NOT:
            return Filter(must_not=[*members])
        return Filter(must=[*members])


def server_filter(
    filters: MetadataFilters | None = None,
    *,
    node_ids: Sequence[str] | None = None,
    document_ids: Sequence[str] | None = None,
) -> Filter | None:
    """The server's filter; None selects every node. Raises `InvalidFilter`."""
    condition = compile_selection(
        ServerDialect(), filters, node_ids=node_ids, document_ids=document_ids
    )
    if condition is None or isinstance(condition, Filter):
        return condition
    return Filter(must=[condition])


def server_tenant_filter(filters: MetadataFilters | None) -> Filter | None:
    """The filter of the collection that `filters` fixes, if they fix one."""
    return server_filter(tenant_scope(filters))
