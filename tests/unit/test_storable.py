from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from corpus.text.storable import storable

ANY_TEXT = st.text(st.characters(categories=["L", "N", "Cs", "Cc", "So"]))


@given(ANY_TEXT)
def test_what_is_stored_is_as_long_as_the_text_and_can_be_encoded(text: str) -> None:
    stored = storable(text)
    assert len(stored) == len(text)
    assert "\0" not in stored
    stored.encode()


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_text_that_can_be_stored_stays_as_it_is(text: str) -> None:
    assert storable(text) == text


def test_each_character_that_cannot_be_stored_is_replaced_by_one() -> None:
    assert storable("a\0b\ud800c") == "a\ufffdb\ufffdc"
