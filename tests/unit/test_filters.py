from __future__ import annotations

import operator
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llama_index.core.vector_stores.types import FilterOperator, MetadataFilter

from corpus.declared_fields import FieldType
from corpus.errors import InvalidFilter
from service.retrieval.filters import MAX_CONDITIONS, MAX_DEPTH, parse_filters
from tests.doubles.brute_force_store import matches

DAYS = [f"2024-01-0{day}T00:00:00Z" for day in range(1, 5)]
NAMES = ["a.pdf", "b.pdf", "c.pdf"]
ORDER = ["eq", "ne", "gt", "gte", "lt", "lte"]
MEANING: dict[str, Callable[[Any, Any], bool]] = {
    **{name: getattr(operator, name) for name in ("eq", "ne", "gt", "lt")},
    "gte": operator.ge,
    "lte": operator.le,
    "in": lambda have, wanted: have in wanted,
}
Json: TypeAlias = Any

pages = st.integers(1, 4)
conditions = st.one_of(
    st.fixed_dictionaries({"page": pages}),
    st.fixed_dictionaries({"page": st.dictionaries(st.sampled_from(ORDER), pages, min_size=1)}),
    st.fixed_dictionaries({"page": st.fixed_dictionaries({"in": st.lists(pages, min_size=1)})}),
    st.fixed_dictionaries({"filename": st.sampled_from(NAMES)}),
    st.fixed_dictionaries(
        {"filename": st.fixed_dictionaries({"ne": st.sampled_from(NAMES)})},
        optional={"page": pages},
    ),
    st.fixed_dictionaries(
        {"created_at": st.dictionaries(st.sampled_from(ORDER), st.sampled_from(DAYS), min_size=1)}
    ),
)
filters = st.recursive(
    conditions,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"and": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"or": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"not": inner}, optional={"page": pages}),
    ),
    max_leaves=6,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["and", "or", "not", "page", "eq", "in", "x"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


def plain_meaning(raw: dict[str, Any], node: dict[str, Any]) -> bool:
    """The grammar of the README, read straight from the JSON."""
    return all(_part_holds(key, value, node) for key, value in raw.items())


def _part_holds(key: str, value: Json, node: dict[str, Any]) -> bool:
    if key == "and":
        return all(plain_meaning(member, node) for member in value)
    if key == "or":
        return any(plain_meaning(member, node) for member in value)
    if key == "not":
        return not plain_meaning(value, node)
    tests = value if isinstance(value, dict) else {"eq": value}
    return all(MEANING[name](node[key], operand) for name, operand in tests.items())


@given(filters, st.sampled_from(NAMES), pages, st.sampled_from(DAYS))
def test_a_parsed_filter_means_what_its_json_says(
    raw: dict[str, Any], filename: str, page: int, created_at: str
) -> None:
    node = {"filename": filename, "page": page, "created_at": created_at}
    assert matches(node, parse_filters(raw)) == plain_meaning(raw, node)


@given(json_values)
def test_any_json_is_parsed_or_refused_as_an_invalid_filter(raw: object) -> None:
    with suppress(InvalidFilter):
        parsed = parse_filters(raw)
        assert (parsed is None) == (raw in (None, {}))


def test_nothing_is_filtered_by_null_and_by_an_empty_object() -> None:
    assert parse_filters(None) is None
    assert parse_filters({}) is None


def test_a_bare_value_means_equality() -> None:
    parsed = parse_filters({"page": 3})
    assert parsed is not None
    assert parsed.filters == [MetadataFilter(key="page", value=3, operator=FilterOperator.EQ)]


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        ({"colour": "red"}, "colour"),
        ({"collection": "other"}, "collection"),
        ({"page": {"like": 3}}, "like"),
        ({"filename": {"gt": "a"}}, "gt"),
        ({"created_at": {"in": DAYS}}, "in"),
        ({"page": "3"}, "page"),
        ({"page": True}, "page"),
        ({"page": 3.5}, "page"),
        ({"page": {"in": []}}, "page"),
        ({"page": {"in": 3}}, "page"),
        ({"page": {"in": [1, "2"]}}, "page"),
        ({"page": {}}, "page"),
        ({"page": None}, "page"),
        ({"filename": 7}, "filename"),
        ({"document_id": ["x"]}, "document_id"),
        ({"created_at": "yesterday"}, "created_at"),
        ({"created_at": "2024-01-01T00:00:00"}, "created_at"),
        ({"filename": "\ud800"}, "filename"),
        ({"document_id": {"in": ["a", "\udfff"]}}, "document_id"),
        ({"not": {"media_type": {"ne": "x\ud800"}}}, "media_type"),
        ({"and": {}}, "and"),
        ({"or": []}, "or"),
        ({"not": {}}, "not"),
        ({"not": []}, "a list"),
        ([], "a list"),
        ("page", "a string"),
    ],
)
def test_a_refusal_names_what_is_at_fault(raw: object, named: str) -> None:
    with pytest.raises(InvalidFilter) as refusal:
        parse_filters(raw)
    assert named in refusal.value.detail


DECLARED = {
    "year": FieldType.INTEGER,
    "team": FieldType.KEYWORD,
    "score": FieldType.NUMBER,
    "final": FieldType.BOOLEAN,
    "signed": FieldType.DATETIME,
}


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"year": "2024"}, '"year" is declared as integer: it takes a whole number'),
        ({"year": True}, "not a boolean"),
        ({"year": 2**63}, "64 bits"),
        ({"year": {"in": [1, 2.5]}}, "integer"),
        ({"team": 1}, '"team" is declared as keyword: it takes a string'),
        ({"team": {"gt": "a"}}, '"team" does not take the operator "gt"'),
        ({"team": "\ud800"}, "surrogate"),
        ({"score": float("nan")}, '"score" is declared as number'),
        ({"final": 1}, '"final" is declared as boolean: it takes true or false'),
        ({"final": {"lt": True}}, '"lt"'),
        ({"signed": "last week"}, '"signed" is declared as datetime: it takes a time'),
        ({"signed": {"in": DAYS}}, '"in"'),
    ],
)
def test_a_refusal_names_the_declared_type(raw: object, said: str) -> None:
    with pytest.raises(InvalidFilter) as refusal:
        parse_filters(raw, DECLARED)
    assert said in refusal.value.detail


def test_an_unknown_field_is_answered_with_those_there_are() -> None:
    with pytest.raises(InvalidFilter) as refusal:
        parse_filters({"or": [{"year": 1}, {"colour": "red"}]}, DECLARED)
    assert "colour" in refusal.value.detail
    for known in ("filename", "team (keyword)", "year (integer)"):
        assert known in refusal.value.hint
    with pytest.raises(InvalidFilter) as refusal:
        parse_filters({"year": 1})
    assert "none; PATCH /collections/{name}" in refusal.value.hint


def test_a_date_is_accepted_for_a_time() -> None:
    assert parse_filters({"created_at": {"lt": "2024-05-01"}}) is not None


def test_a_filter_nested_too_deep_is_refused() -> None:
    raw: dict[str, Any] = {"page": 1}
    for _ in range(MAX_DEPTH - 1):
        raw = {"not": raw}
    assert parse_filters(raw) is not None
    with pytest.raises(InvalidFilter, match="deep"):
        parse_filters({"not": raw})


def test_a_filter_with_too_many_conditions_is_refused() -> None:
    half = [{"page": page} for page in range(MAX_CONDITIONS // 2 + 1)]
    assert parse_filters({"or": half}) is not None
    with pytest.raises(InvalidFilter, match="conditions"):
        parse_filters({"or": half, "and": half})


def test_times_with_any_offset_are_accepted() -> None:
    now = datetime.now(UTC).isoformat()
    assert parse_filters({"created_at": {"lt": now}}) is not None
    assert parse_filters({"created_at": {"gte": "2024-05-01T10:00:00+02:00"}}) is not None
