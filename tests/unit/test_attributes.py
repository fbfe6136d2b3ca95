from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from corpus.attributes import (
    MAX_EXTERNAL_ID_CHARS,
    MAX_METADATA_BYTES,
    MAX_METADATA_DEPTH,
    MAX_PRINCIPAL_CHARS,
    MAX_PRINCIPALS,
    check_acl,
    check_external_id,
    check_metadata,
)
from corpus.errors import InvalidMetadata

served = TypeAdapter(dict[str, Any])
texts = st.text(st.characters(), max_size=8)
json_objects = st.dictionaries(
    texts,
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.integers(10**30, 10**40)
        | st.floats()
        | texts,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


def nested(depth: int) -> dict[str, Any]:
    """An object nested `depth` deep, in objects and lists by turns."""
    inside: Any = 1
    for level in range(depth - 1):
        inside = [inside] if level % 2 else {"a": inside}
    return {"a": inside}


@given(json_objects)
def test_metadata_that_is_accepted_can_be_stored_and_served(metadata: dict[str, Any]) -> None:
    with suppress(InvalidMetadata):
        check_metadata(metadata)
        stored = json.loads(json.dumps(metadata))
        assert json.loads(served.dump_json(stored)) == stored


@pytest.mark.parametrize(
    "raw",
    [
        '{"a": "\\ud800"}',
        '{"\\udfff": 1}',
        '{"a": [{"b": ["x\\ud83d"]}]}',
        '{"a": NaN}',
        '{"a": -Infinity}',
        '{"a": [1e999]}',
    ],
)
def test_metadata_that_no_json_can_hold_is_refused(raw: str) -> None:
    with pytest.raises(InvalidMetadata):
        check_metadata(json.loads(raw))


def test_metadata_is_nested_to_the_limit_and_no_deeper() -> None:
    check_metadata(nested(MAX_METADATA_DEPTH))
    for depth in (MAX_METADATA_DEPTH + 1, 300, 5_000):
        with pytest.raises(InvalidMetadata, match="deep"):
            check_metadata(nested(depth))


def test_metadata_is_as_large_as_the_limit_and_no_larger() -> None:
    around = len('{"a": ""}')
    check_metadata({"a": "é" * ((MAX_METADATA_BYTES - around) // 2)})
    with pytest.raises(InvalidMetadata, match="bytes"):
        check_metadata({"a": "é" * ((MAX_METADATA_BYTES - around) // 2 + 1)})


def test_ordinary_attributes_are_accepted() -> None:
    check_metadata({"team": "legal", "tags": ["a", "ß", "年報", "🜚"], "year": 2024, "x": None})
    check_acl(["group:legal", "user:zoë@example.org", "p" * MAX_PRINCIPAL_CHARS])
    check_acl(["same"] * MAX_PRINCIPALS)
    check_external_id(None)
    check_external_id("x" * MAX_EXTERNAL_ID_CHARS)


@pytest.mark.parametrize(
    "acl",
    [
        ["x"] * (MAX_PRINCIPALS + 1),
        ["x" * (MAX_PRINCIPAL_CHARS + 1)],
        [""],
        ["ok", "\ud800"],
        ["a\x00b"],
    ],
)
def test_an_acl_beyond_its_bounds_is_refused(acl: list[str]) -> None:
    with pytest.raises(InvalidMetadata, match="acl"):
        check_acl(acl)


@pytest.mark.parametrize("external_id", ["", "x" * (MAX_EXTERNAL_ID_CHARS + 1), "\udc00", "a\nb"])
def test_an_external_id_beyond_its_bounds_is_refused(external_id: str) -> None:
    with pytest.raises(InvalidMetadata, match="external_id"):
        check_external_id(external_id)
