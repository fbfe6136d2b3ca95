from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingestion.chunking.page_heads import HEAD_CHARS, page_heads
from ingestion.parsing.parsed import BlockDraft, ParsedPage, assemble


def pages_of(*texts: str) -> tuple[ParsedPage, ...]:
    return assemble(
        (number, [BlockDraft(kind="text", text=text)]) for number, text in enumerate(texts, 1)
    ).pages


def test_a_pages_head_is_its_first_lines() -> None:
    pages = pages_of("Balance Sheet\n2022 2021\nAcme Inc.\nCash\nDebt", "Notes\nNote 1")
    assert page_heads(pages) == {1: "Balance Sheet / Acme Inc. / Cash", 2: "Notes / Note 1"}


def test_running_headers_and_page_numbers_are_no_heads() -> None:
    pages = pages_of(*(f"Table of Contents\n{n}\nChapter {n}\nof many" for n in range(1, 21)))
    assert page_heads(pages)[7] == "Chapter 7"


def test_a_document_with_headings_of_its_own_needs_no_heads() -> None:
    parsed = assemble(
        [
            (1, [BlockDraft(kind="heading", text="One", level=1)]),
            (2, [BlockDraft(kind="text", text="Two")]),
        ]
    )
    assert page_heads(parsed.pages) == {}


def test_a_single_page_needs_no_head() -> None:
    assert page_heads(pages_of("Title\nText")) == {}


@given(st.lists(st.text(max_size=300), max_size=12))
def test_heads_are_short_and_of_pages_that_exist(texts: list[str]) -> None:
    pages = pages_of(*texts)
    heads = page_heads(pages)
    assert set(heads) <= {page.number for page in pages}
    assert all(0 < len(head) <= HEAD_CHARS for head in heads.values())
