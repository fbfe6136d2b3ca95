"""The filter grammar: random filters and documents for it, and what it means, in plain Python.

Written from the README alone, so that it may disagree with what is under test.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from corpus.declared_fields import FieldType

DECLARED = {
    "team": FieldType.KEYWORD,
    "größe in m²": FieldType.KEYWORD,
    "year": FieldType.INTEGER,
    "score": FieldType.NUMBER,
    "is final": FieldType.BOOLEAN,
    "signed": FieldType.DATETIME,
}

# Twins on purpose: composed and decomposed, of two cases, look-alikes, in and beyond the BMP.
WORDS = [
    "a",
    "A",
    "",
    " ",
    "\u00e9",
    "e\u0301",
    "\u65e5\u672c",
    "\U0001f600",
    "\ufb01",
    "fi",
    "\u202e",
    "a\\\"'%_",
]
NAMES = [f"{word}.pdf" for word in WORDS]
KINDS = ["application/pdf", "text/plain"]
PAGES = [1, 2, 3, 2**31 - 1]
INTEGERS = [0, 1, -1, 2, 2**53, 2**53 + 1, 2**63 - 1, -(2**63)]
NUMBERS = [*INTEGERS, 0.1, 0.1 + 0.2, 0.3, -0.0, 1.0, 2.0**53, 1e308, 5e-324, 2**63, 10**30]
MOMENTS = [
    datetime(1, 1, 2, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(2024, 2, 29, tzinfo=UTC),
    datetime(2024, 2, 29, 0, 0, 0, 1, tzinfo=UTC),
    datetime(2024, 2, 29, 0, 0, 0, 1000, tzinfo=UTC),
    datetime(2024, 12, 31, 23, 59, 59, tzinfo=UTC),
    datetime(9999, 12, 30, 23, 59, 59, 999999, tzinfo=UTC),
]
NO_VALUES: list[Any] = [None, [], {}, {"a": 1}, [[1]], "yesterday", "2024-02-29T00:00:00"]

Documents = dict[str, dict[str, Any]]


Palette = Mapping[str, st.SearchStrategy[Any]]


def spelled(moment: datetime, offset_minutes: int) -> str:
    return moment.astimezone(timezone(timedelta(minutes=offset_minutes))).isoformat()


TIMES = st.one_of(
    st.builds(spelled, st.sampled_from(MOMENTS), st.sampled_from([0, 120, -330, 765, -719])),
    st.sampled_from(["2024-02-29", "2024-02-29T00:00:00Z", "2024-02-29T00:00:00.001Z"]),
)
VALUES: Mapping[str, st.SearchStrategy[Any]] = {
    "filename": st.sampled_from(NAMES),
    "media_type": st.sampled_from(KINDS),
    "page": st.sampled_from(PAGES),
    "created_at": TIMES,
    "team": st.sampled_from(WORDS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=2),
    "größe in m²": st.sampled_from(WORDS),
    "year": st.sampled_from(INTEGERS),
    "score": st.sampled_from(NUMBERS),
    "is final": st.booleans(),
    "signed": TIMES,
}
# What no declared type takes, and what only some do.
_MISFITS = st.sampled_from([*NO_VALUES, 2**63, 1.0, True, 1, "1", "a", "2024-02-29"])

_EQUAL = ["eq", "ne"]
_ORDER = ["gt", "gte", "lt", "lte"]
_OPERATORS: Mapping[str, list[str]] = {
    "filename": [*_EQUAL, "in"],
    "media_type": [*_EQUAL, "in"],
    "document_id": [*_EQUAL, "in"],
    "page": [*_EQUAL, *_ORDER, "in"],
    "created_at": [*_EQUAL, *_ORDER],
    "team": [*_EQUAL, "in"],
    "größe in m²": [*_EQUAL, "in"],
    "year": [*_EQUAL, *_ORDER, "in"],
    "score": [*_EQUAL, *_ORDER, "in"],
    "is final": _EQUAL,
    "signed": [*_EQUAL, *_ORDER],
}


@st.composite
def palettes(draw: st.DrawFn) -> Palette:
    """Few values for each field, so that documents and filters often speak of the same ones."""
    return {
        name: st.sampled_from(draw(st.lists(values, min_size=1, max_size=3)))
        for name, values in VALUES.items()
    }


def metadata_of(palette: Palette, *, may_misfit: bool) -> st.SearchStrategy[dict[str, Any]]:
    def value_of(name: str) -> st.SearchStrategy[Any]:
        fit = palette[name]
        if not may_misfit:
            return fit | st.lists(fit, max_size=3)
        return st.one_of(fit, fit, fit, _MISFITS, st.lists(fit | _MISFITS, max_size=3))

    return st.fixed_dictionaries({}, optional={name: value_of(name) for name in DECLARED})


def raw_filters(palette: Palette, document_ids: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Decoded JSON; every one of them is valid where `DECLARED` is."""
    values = {**palette, "document_id": st.sampled_from([*document_ids, "no-such"])}
    single = st.one_of([_conditions(name, one) for name, one in values.items()])
    return st.recursive(
        single | st.builds(operator.or_, single, single),
        lambda inner: st.one_of(
            st.builds(dict, st.tuples(st.tuples(st.just("or"), _members(inner)))),
            st.builds(dict, st.tuples(st.tuples(st.just("and"), _members(inner)))),
            st.builds(dict, st.tuples(st.tuples(st.just("not"), inner))),
            st.builds(lambda one, other: {**one, "not": other}, single, inner),
        ),
        max_leaves=5,
    )


def _members(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(inner, min_size=1, max_size=4)


def _conditions(name: str, one: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    operands = {
        how: st.lists(one, min_size=1, max_size=3) if how == "in" else one
        for how in _OPERATORS[name]
    }
    tests = [st.fixed_dictionaries({how: operand}) for how, operand in operands.items()]
    two = st.builds(operator.or_, st.one_of(tests), st.one_of(tests))
    return st.fixed_dictionaries({name: st.one_of(one, *tests, two)})


def plain_meaning(
    raw: Mapping[str, Any], node: Mapping[str, Any], metadata: Mapping[str, Any]
) -> bool:
    """Whether a node of a document with this metadata passes."""
    return all(_part_holds(key, value, node, metadata) for key, value in raw.items())


def _part_holds(
    key: str,
    value: Any,  # noqa: ANN401
    node: Mapping[str, Any],
    metadata: Mapping[str, Any],
) -> bool:
    if key == "and":
        return all(plain_meaning(member, node, metadata) for member in value)
    if key == "or":
        return any(plain_meaning(member, node, metadata) for member in value)
    if key == "not":
        return not plain_meaning(value, node, metadata)
    tests = value if isinstance(value, dict) else {"eq": value}
    have = _values(key, node, metadata)
    return all(_test_holds(how, _comparable(key, wanted), have) for how, wanted in tests.items())


_MEANING: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "in": lambda have, wanted: have in wanted,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def _test_holds(how: str, wanted: Any, have: list[Any]) -> bool:  # noqa: ANN401
    if how == "ne":
        return all(value != wanted for value in have)
    return any(_MEANING[how](value, wanted) for value in have)


def _values(key: str, node: Mapping[str, Any], metadata: Mapping[str, Any]) -> list[Any]:
    if key not in DECLARED:
        return [_comparable(key, node[key])]
    stored = metadata.get(key)
    every = stored if isinstance(stored, list) else [stored]
    return [_comparable(key, value) for value in every if _fits(DECLARED[key], value)]


def _fits(kind: FieldType, value: Any) -> bool:  # noqa: ANN401
    match kind:
        case FieldType.KEYWORD:
            return type(value) is str
        case FieldType.INTEGER:
            return type(value) is int and -(2**63) <= value < 2**63
        case FieldType.NUMBER:
            return type(value) is int or (type(value) is float and math.isfinite(value))
        case FieldType.BOOLEAN:
            return type(value) is bool
        case FieldType.DATETIME:
            return type(value) is str and _moment(value) is not None


def _comparable(key: str, value: Any) -> Any:  # noqa: ANN401
    return _moment(value) if key in ("created_at", "signed") else value


def _moment(text: str) -> datetime | None:
    if len(text) == len("2024-02-29"):
        text += "T00:00:00Z"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
