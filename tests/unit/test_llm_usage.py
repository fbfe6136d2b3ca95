from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llama_index.core.base.llms.types import ChatMessage, ChatResponse

from service.llm.usage import usage_of

NAMES = st.sampled_from(
    [
        "usage",
        "input_tokens",
        "output_tokens",
        "prompt_tokens",
        "cache_read_input_tokens",
        "prompt_tokens_details",
        "cached_tokens",
    ]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


def event(raw: object = None, **additional: Any) -> ChatResponse:  # noqa: ANN401
    return ChatResponse(message=ChatMessage(), raw=raw, additional_kwargs=additional)


@given(ANYTHING)
def test_whatever_is_reported_only_counts_come_out(raw: object) -> None:
    assert all(type(count) is int and count >= 0 for count in usage_of(event(raw)).values())


@pytest.mark.parametrize("usage", [None, {}, [], "many", {"prompt_tokens": None}])
def test_a_provider_that_does_not_count_is_believed(usage: object) -> None:
    assert usage_of(event({"usage": usage})) == {}


def test_what_is_not_reported_is_not_made_up() -> None:
    usage = SimpleNamespace(prompt_tokens=7, completion_tokens=None, total_tokens=True)
    assert usage_of(event(SimpleNamespace(usage=usage))) == {"prompt_tokens": 7}


def test_counts_are_found_where_other_packages_of_llamaindex_leave_them() -> None:
    assert usage_of(event(prompt_tokens=7, completion_tokens=2, total_tokens=9)) == {
        "prompt_tokens": 7,
        "completion_tokens": 2,
        "total_tokens": 9,
    }
