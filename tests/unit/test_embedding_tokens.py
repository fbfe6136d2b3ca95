"""Counting in the model's tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.embedding.tokens import TokenCounter, TokenizerFile
from corpus.embedding.weights import model_folder, tokenizer_file


@pytest.fixture(scope="module")
def tokens() -> TokenCounter:
    return TokenizerFile(tokenizer_file(model_folder()))


def test_offsets_are_characters_of_the_text(tokens: TokenCounter) -> None:
    text = "Café – 语言 tokenization"
    assert [text[start:end] for start, end in tokens.offsets(text)] == [
        "Café",
        "–",
        "语",
        "言",
        "token",
        "ization",
    ]


def test_nothing_is_added_and_nothing_truncated(tokens: TokenCounter) -> None:
    assert tokens.offsets("") == []
    assert len(tokens.offsets("house " * 1000)) == 1000


@given(one=st.text(max_size=60), two=st.text(max_size=60))
def test_texts_joined_by_space_have_the_tokens_of_their_parts(one: str, two: str) -> None:
    tokens = TokenizerFile(tokenizer_file(model_folder()))
    shifted = [(s + len(one) + 1, e + len(one) + 1) for s, e in tokens.offsets(two)]
    assert tokens.offsets(f"{one}\n{two}") == tokens.offsets(one) + shifted


def test_half_a_surrogate_pair_is_counted_and_moves_nothing(tokens: TokenCounter) -> None:
    assert tokens.offsets("a \ud800 b") == [(0, 1), (2, 3), (4, 5)]
