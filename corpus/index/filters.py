"""LlamaIndex's metadata filters to an engine's conditions: the walk and the rules, for any engine.

What holds everywhere, and where it differs from stock LlamaIndex:
- NE and NIN are the complement of EQ and IN: a node without the field matches them.
- A string in GT, GTE, LT or LTE is a date and time (RFC 3339; UTC when it names no offset). EQ on
  `created_at` compares moments, not spellings.
- NOT means that none of its members holds. OR of nothing is refused: it would match everything.
- What cannot be done raises `InvalidFilter`; nothing is left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar, cast

from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
)

from corpus.errors import InvalidFilter
from corpus.index.layout import DOCUMENT_FIELD, PAYLOAD_INDEXES, TENANT_FIELD

Bounds = dict[str, Any]
ConditionT = TypeVar("ConditionT")

# Qdrant's JSON path: anything else is a syntax error there.
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)*")
_BOUNDS = {
    FilterOperator.GT: "gt",
    FilterOperator.GTE: "gte",
    FilterOperator.LT: "lt",
    FilterOperator.LTE: "lte",
}
_INT64 = range(-(2**63), 2**63)


class FilterDialect(Protocol[ConditionT]):
    """An engine's words. `Bounds` has keys among gt, gte, lt, lte."""

    def any_value(self, key: str, values: Sequence[str] | Sequence[int]) -> ConditionT:
        """The field equals one of the values; nothing matches an empty list."""

    def number_range(self, key: str, bounds: Bounds) -> ConditionT:
        """The field is a number within the bounds."""

    def time_range(self, key: str, bounds: Bounds) -> ConditionT:
        """The field is a time within the bounds (RFC 3339 strings)."""

    def any_id(self, node_ids: Sequence[str]) -> ConditionT:
        """The node's id is one of these."""

    def group(self, kind: FilterCondition, members: list[ConditionT]) -> ConditionT:
        """AND: all members hold; OR: at least one; NOT: none."""


def compile_selection(
    dialect: FilterDialect[ConditionT],
    filters: MetadataFilters | None = None,
    *,
    node_ids: Sequence[str] | None = None,
    document_ids: Sequence[str] | None = None,
) -> ConditionT | None:
    """One condition for all that is given; None when nothing is (which selects every node)."""
    members: list[ConditionT] = []
    if filters is not None and filters.filters:
        members.append(compile_filters(dialect, filters))
    if node_ids is not None:
        members.append(dialect.any_id(node_ids))
    if document_ids is not None:
        members.append(dialect.any_value(DOCUMENT_FIELD, document_ids))
    return dialect.group(FilterCondition.AND, members) if members else None


def compile_filters(dialect: FilterDialect[ConditionT], filters: MetadataFilters) -> ConditionT:
    """The condition that `filters` states. Raises `InvalidFilter`."""
    kind = filters.condition or FilterCondition.AND
    if kind is FilterCondition.OR and not filters.filters:
        raise InvalidFilter("An `or` needs at least one member.")
    members = [
        compile_filters(dialect, member)
        if isinstance(member, MetadataFilters)
        else _compile_one(dialect, member)
        for member in filters.filters
    ]
    return dialect.group(kind, members)


def tenant_scope(filters: MetadataFilters | None) -> MetadataFilters | None:
    """The part of `filters` that fixes the collection; None when none is fixed for all hits."""
    if filters is None or (filters.condition or FilterCondition.AND) is not FilterCondition.AND:
        return None
    fixing = [
        member
        for member in filters.filters
        if isinstance(member, MetadataFilter)
        and member.key == TENANT_FIELD
        and member.operator in (FilterOperator.EQ, FilterOperator.IN)
    ]
    if fixing:
        return MetadataFilters(filters=list(fixing))
    nested = (tenant_scope(m) for m in filters.filters if isinstance(m, MetadataFilters))
    return next((scope for scope in nested if scope is not None), None)


def _compile_one(dialect: FilterDialect[ConditionT], one: MetadataFilter) -> ConditionT:
    if not _KEY.fullmatch(one.key):
        raise InvalidFilter(f"{one.key!r} cannot be the name of a field.")
    compilers: dict[FilterOperator, Callable[[], ConditionT]] = {
        FilterOperator.EQ: lambda: _equal(dialect, one.key, one.value),
        FilterOperator.NE: lambda: _none_of(dialect, _equal(dialect, one.key, one.value)),
        FilterOperator.IN: lambda: _member(dialect, one),
        FilterOperator.NIN: lambda: _none_of(dialect, _member(dialect, one)),
    }
    if one.operator in compilers:
        return compilers[one.operator]()
    if one.operator in _BOUNDS:
        return _bounded(dialect, one.key, {_BOUNDS[one.operator]: one.value})
    raise InvalidFilter(f"The operator {one.operator.value!r} is not supported.")


def _none_of(dialect: FilterDialect[ConditionT], member: ConditionT) -> ConditionT:
    return dialect.group(FilterCondition.NOT, [member])


def _equal(dialect: FilterDialect[ConditionT], key: str, value: object) -> ConditionT:
    is_time = isinstance(value, str) and PAYLOAD_INDEXES.get(key) == "datetime"
    if is_time or isinstance(value, float):
        return _bounded(dialect, key, {"gte": value, "lte": value})
    if isinstance(value, str):
        return dialect.any_value(key, [value])
    if isinstance(value, int) and value in _INT64:
        return dialect.any_value(key, [value])
    raise InvalidFilter(f"{key}: a string or a number is needed, not {value!r}.")


def _member(dialect: FilterDialect[ConditionT], one: MetadataFilter) -> ConditionT:
    if not isinstance(one.value, list):
        raise InvalidFilter(f"{one.key}: `{one.operator.value}` needs a list, not {one.value!r}.")
    if not one.value:
        return dialect.any_id([])  # nothing, of whatever type the field is
    if _are_keywords(one.key, one.value):
        return dialect.any_value(one.key, cast("list[str]", one.value))
    return dialect.group(FilterCondition.OR, [_equal(dialect, one.key, v) for v in one.value])


def _are_keywords(key: str, values: Sequence[object]) -> bool:
    is_time = PAYLOAD_INDEXES.get(key) == "datetime"
    return not is_time and all(isinstance(value, str) for value in values)


def _bounded(dialect: FilterDialect[ConditionT], key: str, bounds: Bounds) -> ConditionT:
    value = next(iter(bounds.values()))
    if isinstance(value, str):
        moment = _rfc3339(key, value)
        return dialect.time_range(key, dict.fromkeys(bounds, moment))
    if isinstance(value, float) and math.isfinite(value):
        return dialect.number_range(key, bounds)
    if isinstance(value, int) and value in _INT64:
        return dialect.number_range(key, bounds)
    raise InvalidFilter(f"{key}: a number or a date is needed, not {value!r}.")


def _rfc3339(key: str, text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidFilter(f"{key}: {text!r} is not a date (2024-05-31T23:00:00Z).") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC).isoformat()
    except OverflowError as error:
        raise InvalidFilter(f"{key}: {text!r} is out of the calendar's range.") from error
