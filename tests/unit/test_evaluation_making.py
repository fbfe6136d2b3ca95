"""Questions made of a page's own sentences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.evaluation.making import GAP, MAX_WORDS, MIN_WORDS, question_of


@pytest.mark.parametrize(
    ("text", "made"),
    [
        (
            "The lens is cleaned on Monday mornings\nwith spirit of wine.",
            (f"The lens is cleaned on {GAP} mornings with spirit of wine.", "Monday"),
        ),
        (
            "The compressor holds fuel for 1,200.5 hours of signals in fog.",
            (f"The compressor holds fuel for {GAP} hours of signals in fog.", "1,200.5"),
        ),
        ("Too short for 1 question.", None),
        ("The keeper on watch trims the wick every four hours of the night.", None),
        ("Lamp oil 1,200 litres kept and 300 litres reordered at Port Carrick", None),
        ("word " * MAX_WORDS + "in 1868.", None),
    ],
)
def test_a_name_or_number_is_left_out_of_a_whole_sentence(
    text: str, made: tuple[str, str] | None
) -> None:
    assert question_of(text) == made


@given(st.lists(st.sampled_from(["the", "Tower", "1868", "of", "lens.", "12,5", "…"]), max_size=80))
def test_question_and_answer_together_are_the_sentence(words: list[str]) -> None:
    text = " ".join(words)
    made = question_of(text)
    if made is not None:
        question, answer = made
        whole = question.replace(GAP, answer, 1) if GAP not in answer else question
        assert MIN_WORDS <= len(whole.split()) <= MAX_WORDS
        assert answer in text
