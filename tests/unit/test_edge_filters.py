"""Compiled filters against a plain evaluation in Python, by the engine itself."""

import operator
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
)
from qdrant_edge import (
    CountRequest,
    Distance,
    EdgeConfig,
    EdgeShard,
    EdgeVectorParams,
    Filter,
    Point,
    ScrollRequest,
    UpdateOperation,
)

from corpus.index.edge.filters import edge_filter, edge_tenant_filter

Payload = dict[str, Any]
OP = FilterOperator

WORDS = st.sampled_from(["a", "b", "c"])
PAGES = st.integers(-2, 3)
WEIGHTS = st.sampled_from([-0.5, 0.25, 1.5])
MOMENTS = st.integers(0, 5).map(lambda hours: f"2024-01-01T0{hours}:00:00+00:00")
VALUES = {"filename": WORDS, "page": PAGES, "weight": WEIGHTS, "created_at": MOMENTS}
COMPARE: dict[FilterOperator, Callable[[Any, Any], bool]] = {
    OP.EQ: operator.eq,
    OP.IN: lambda stored, wanted: stored in wanted,
    OP.GT: operator.gt,
    OP.GTE: operator.ge,
    OP.LT: operator.lt,
    OP.LTE: operator.le,
}
COMPLEMENT = {OP.NE: OP.EQ, OP.NIN: OP.IN}

payloads = st.lists(
    st.fixed_dictionaries({}, optional=VALUES),
    min_size=1,
    max_size=6,
)


@st.composite
def single_filters(draw: st.DrawFn) -> MetadataFilter:
    key = draw(st.sampled_from(sorted(VALUES)))
    orders = [] if key == "filename" else [OP.GT, OP.GTE, OP.LT, OP.LTE]
    kind = draw(st.sampled_from([OP.EQ, OP.NE, OP.IN, OP.NIN, *orders]))
    one = VALUES[key]
    value = draw(st.lists(one, max_size=3) if kind in (OP.IN, OP.NIN) else one)
    return MetadataFilter(key=key, operator=kind, value=value)


def grouped(members: st.SearchStrategy[Any]) -> st.SearchStrategy[MetadataFilters]:
    return st.builds(
        MetadataFilters,
        filters=st.lists(members, min_size=1, max_size=3),
        condition=st.sampled_from([*FilterCondition, None]),
    )


filter_trees = grouped(st.recursive(single_filters(), grouped, max_leaves=6))


def holds(condition: MetadataFilter | MetadataFilters, payload: Payload) -> bool:
    if isinstance(condition, MetadataFilters):
        members = [holds(member, payload) for member in condition.filters]
        together = {FilterCondition.OR: any(members), FilterCondition.NOT: not any(members)}
        return together.get(condition.condition or FilterCondition.AND, all(members))
    kind, wanted = condition.operator, condition.value
    if kind in (OP.NE, OP.NIN):
        return not holds(condition.model_copy(update={"operator": COMPLEMENT[kind]}), payload)
    if condition.key not in payload:
        return False
    return COMPARE[kind](payload[condition.key], wanted)


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> EdgeShard:
    vectors = EdgeVectorParams(size=1, distance=Distance.Dot)
    return EdgeShard.create(
        str(tmp_path_factory.mktemp("shard") / "s"), EdgeConfig(vectors={"v": vectors})
    )


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(stored=payloads, filters=filter_trees)
def test_the_engine_selects_what_plain_python_would(
    shard: EdgeShard, stored: list[Payload], filters: MetadataFilters
) -> None:
    shard.update(UpdateOperation.delete_points_by_filter(Filter()))
    shard.update(
        UpdateOperation.upsert_points(
            [Point(number, {"v": [1.0]}, payload) for number, payload in enumerate(stored)]
        )
    )
    compiled = edge_filter(filters)
    records, _ = shard.scroll(ScrollRequest(limit=100, filter=compiled, with_payload=False))
    expected = {number for number, payload in enumerate(stored) if holds(filters, payload)}
    assert {record.id for record in records} == expected
    assert shard.count(CountRequest(filter=compiled)) == len(expected)


def test_nothing_asked_for_is_no_filter() -> None:
    assert edge_filter() is None
    assert edge_filter(MetadataFilters(filters=[])) is None


def collection_is(name: str) -> MetadataFilter:
    return MetadataFilter(key="collection", value=name)


PAGE_ONE = MetadataFilter(key="page", value=1)


@pytest.mark.parametrize(
    "filters",
    [
        MetadataFilters(filters=[collection_is("a"), PAGE_ONE]),
        MetadataFilters(filters=[PAGE_ONE, MetadataFilters(filters=[collection_is("a")])]),
    ],
)
def test_a_fixed_collection_is_the_scope_of_word_statistics(filters: MetadataFilters) -> None:
    scope = edge_tenant_filter(filters)
    assert scope is not None
    assert repr(scope) == repr(edge_filter(MetadataFilters(filters=[collection_is("a")])))


@pytest.mark.parametrize(
    "filters",
    [
        None,
        MetadataFilters(filters=[PAGE_ONE]),
        MetadataFilters(filters=[collection_is("a"), PAGE_ONE], condition=FilterCondition.OR),
        MetadataFilters(filters=[collection_is("a")], condition=FilterCondition.NOT),
        MetadataFilters(
            filters=[MetadataFilter(key="collection", operator=OP.NE, value="a"), PAGE_ONE]
        ),
    ],
)
def test_without_a_fixed_collection_there_is_no_scope(filters: MetadataFilters | None) -> None:
    assert edge_tenant_filter(filters) is None
