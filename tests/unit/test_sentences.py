"""The rules for sentence ends, and what holds for any text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.text.sentences import MAX_SENTENCE_CHARS, sentence_spans

# Built from the pieces the rules look at, so that random texts meet them often.
_WORDS = st.sampled_from(
    ["A", "b", "Inc", "U.S", "No", "3", "3.5", "$ 1,2", "(4)", ".", "...", "?", "!", "。", "”", ")"]
)
_GAPS = st.sampled_from(
    [" ", " ", "\n", "\n", "\n\n", "\r\n", "\f", "\t", "- ", "# ", "|", "语言", "é", "word " * 9]
)
TEXTS = st.one_of(st.text(), st.lists(_WORDS | _GAPS, max_size=60).map("".join))
_BLANK_LINE = re.compile(r"\n\s*\n|\f")


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@given(TEXTS)
def test_spans_are_ordered_trimmed_bounded_and_within_a_paragraph(text: str) -> None:
    previous_end = 0
    for start, end in sentence_spans(text):
        sentence = text[start:end]
        assert previous_end <= start < end <= len(text)
        assert sentence == sentence.strip()
        assert len(sentence) <= MAX_SENTENCE_CHARS
        assert not _BLANK_LINE.search(sentence)
        previous_end = end


@given(TEXTS)
def test_every_character_that_is_not_space_is_in_a_sentence(text: str) -> None:
    rest = list(text)
    for start, end in sentence_spans(text):
        rest[start:end] = " " * (end - start)
    assert not "".join(rest).strip()


@pytest.mark.parametrize(
    "text",
    [
        "Mr. Smith met Dr. Jones at Acme Inc. Headquarters on Monday.",
        "The U.S. Securities and Exchange Commission said so.",
        "Sales rose 3.5 percent, approx. 4.2 million, e.g. in Europe.",
        "See No. 5 and Fig. 3 on p. 7 of vol. 2.",
        "J. R. R. Tolkien wrote it.",
        'He asked "why?" and left.',
        "The site example.com has 10.000 pages",
        "It ended ... and began again.",
        "1. Business",
    ],
)
def test_a_dot_inside_a_sentence_does_not_end_it(text: str) -> None:
    assert sentences(text) == [text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("He said “stop.” Then he left.", ["He said “stop.”", "Then he left."]),
        ("We sell in the U.S. The rest is small.", ["We sell in the U.S.", "The rest is small."]),
        ("It was 2022. 3M grew.", ["It was 2022.", "3M grew."]),
        ("Is it so? No. We checked.", ["Is it so?", "No.", "We checked."]),
        ("他来了。我走了！真的？", ["他来了。", "我走了！", "真的？"]),
        ("他说:“好。”然后走了。", ["他说:“好。”", "然后走了。"]),
        ("यह है। वह है।", ["यह है।", "वह है।"]),
        ("Das kostet z.B. 3 Euro. Mehr nicht.", ["Das kostet z.B. 3 Euro.", "Mehr nicht."]),
    ],
)
def test_a_stop_ends_a_sentence(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_a_line_that_was_full_reads_on_in_the_next() -> None:
    text = (
        "The company employed approximately ninety thousand people in that\n"
        "United Kingdom office, which it had opened many years before this."
    )
    assert sentences(text) == [text]


def test_a_heading_without_a_stop_is_a_sentence_of_its_own() -> None:
    body = "The company is committed to the safety and health of all of its many employees."
    assert sentences(f"Health and Safety\n{body}") == ["Health and Safety", body]


def test_each_row_of_figures_is_a_sentence() -> None:
    rows = [
        "Research, development and related expenses 1,862 1,994 1,878",
        "Selling, general and administrative expenses 9,049 7,197 6,929",
        "Gain on the divestiture of several businesses (2,724) — (389)",
        "Numbers in this table are in millions and may not add up",
    ]
    assert sentences("\n".join(rows)) == rows


def test_list_items_and_markdown_marks_begin_a_sentence() -> None:
    lines = ["# Title", "we sell:", "- tape", "- glue", "(a) film", "| a | b |"]
    assert sentences("\n".join(lines)) == lines


def test_leader_dots_of_a_table_of_contents_end_nothing() -> None:
    assert sentences("Business ........ 5") == ["Business ........ 5"]
    assert sentences("Business . . . . 5") == ["Business . . . . 5"]


def test_a_sentence_too_long_is_cut_at_a_line_break_then_at_a_space_then_anywhere() -> None:
    line = "word " * 79 + "word"
    assert sentences(f"{line}\n{line}") == [line, line]
    # 600 characters would end within a word.
    assert sentences("a " + "word " * 200)[0] == "a " + "word " * 118 + "word"
    assert [len(s) for s in sentences("x" * 1500)] == [600, 600, 300]


@pytest.mark.parametrize(
    "text",
    [
        "He lived in\nBangor.",
        "Born in Wales and grew up in\nBarmouth, Gwynedd.",
        "Das Schiff kam mit der\nFlut.",
    ],
)
def test_a_short_line_that_ends_in_a_function_word_goes_on(text: str) -> None:
    assert sentence_spans(text) == [(0, len(text))]
