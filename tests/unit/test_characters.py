from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.parsing.text.characters import means_nothing


@pytest.mark.parametrize(
    ("text", "nothing"),
    [
        ("", False),
        ("\n \u00ad", False),
        ("Plain words.", False),
        ("\uf0b7 a list of a symbol font", False),
        ("\ue001\ue002 \ue003 a", True),
        ("\x01\x02\x03\x04 ab", True),
        ("\ufffd\ufffd\ufffd", True),
    ],
)
def test_a_page_of_glyphs_without_characters_means_nothing(text: str, nothing: bool) -> None:
    assert means_nothing(text) is nothing


@given(st.text(st.characters(categories=["L", "N", "P"]), min_size=1))
def test_letters_numbers_and_marks_mean_something(text: str) -> None:
    assert not means_nothing(text)
