from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.llm.thinking import ThinkingFilter

pieces = st.lists(
    st.sampled_from(["<", "think", ">", "/", "</think>", "<think>", "a ", "< b", "reasoning"])
)


def read(parts: list[str]) -> str:
    found = ThinkingFilter()
    return "".join([found.feed(part) for part in parts]) + found.finish()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("<think>Is it 4? Yes.</think>\n\nIt is 4 [1].", "\n\nIt is 4 [1]."),
        ("<Thinking>So.</thinking>It is.", "It is."),
        ("It is <reasoning>or not</reasoning>so.", "It is so."),
        ("I wonder.</think> It is.", "I wonder. It is."),
        ("<think>without end", ""),
        ("a < b and <b>bold</b> <thin", "a < b and <b>bold</b> <thin"),
    ],
)
def test_thoughts_are_left_out(text: str, kept: str) -> None:
    assert read([text]) == kept


@given(pieces)
def test_how_the_stream_is_split_changes_nothing(parts: list[str]) -> None:
    text = "".join(parts)
    assert read(parts) == read([text]) == read(list(text))


@given(st.text(alphabet="<abc >/\n", max_size=40), st.lists(st.integers(0, 40), max_size=5))
def test_other_text_passes_through(text: str, at: list[int]) -> None:
    places = [0, *sorted(at), len(text)]
    assert read([text[start:end] for start, end in pairwise(places)]) == text
