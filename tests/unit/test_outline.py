"""Titles and heading paths, short enough to repeat in every chunk."""

from __future__ import annotations

import pytest

from ingestion.chunking.outline import Outline, readable_title


class WordTokens:
    """Counts a token for each word."""

    def offsets(self, text: str) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        for word in text.split():
            start = text.index(word, found[-1][1] if found else 0)
            found.append((start, start + len(word)))
        return found


@pytest.mark.parametrize(
    ("stated", "filename", "title"),
    [
        (None, "3M_2022_10K.pdf", "3M 2022 10K"),
        (None, "PEPSICO_2023_8K_dated-2023-05-30.pdf", "PEPSICO 2023 8K dated 2023-05-30"),
        ("  ", "annual-report 10-K.docx", "annual report 10-K"),
        (" Annual \n Report ", "x.pdf", "x: Annual Report"),
        ("Annual Report 2022", "annual_report.pdf", "Annual Report 2022"),
        ("Report", "annual_report.pdf", "annual report"),
        (None, "___.pdf", "___.pdf"),
        (None, "报告_2022.pdf", "报告 2022"),
    ],
)
def test_a_title_is_readable(stated: str | None, filename: str, title: str) -> None:
    assert readable_title(stated, filename) == title


def test_a_heading_closes_those_of_its_level_and_deeper() -> None:
    outline = Outline("Title", WordTokens(), limit_tokens=20)
    for level, text in [(1, "One"), (2, "Two"), (3, "Three"), (2, "Other  two")]:
        outline.leave(level)
        outline.enter(level, text)
    assert outline.heading_path == "One > Other two"
    assert outline.context_tokens == 5  # Title One > Other two


def test_the_outermost_headings_go_first_when_room_is_short() -> None:
    outline = Outline("a b c d", WordTokens(), limit_tokens=6)
    assert outline.title == "a b c"
    outline.enter(1, "One")
    outline.enter(2, "Two")
    assert outline.heading_path == "One > Two"
    outline.enter(3, "Three")
    assert outline.heading_path == "Two > Three"
    outline.enter(4, "far too many words")
    assert outline.heading_path == "far too many"
    assert outline.context_tokens == 6
