from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from corpus.values import PageText
from service.mcp.results import MAX_PAGE_CHARS, ReadPageResult

# What ends a line for somebody, besides \n.
LINE_ENDS = "\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"


def read(page: PageText, start_char: int | None = None) -> ReadPageResult:
    return ReadPageResult.of("document-1", "sea.txt", page, start_char)


@given(st.text(st.sampled_from("ab> " + LINE_ENDS), min_size=1))
def test_every_line_of_a_page_is_marked_as_the_documents(text: str) -> None:
    head, *lines = read(PageText(1, text, 0)).as_text().splitlines()
    assert head.startswith("sea.txt, page 1")
    assert lines
    assert all(line.startswith("> ") for line in lines)


@given(st.integers(0, 3 * MAX_PAGE_CHARS + 1), st.integers(0, 10_000))
def test_the_pieces_of_a_page_are_the_page(size_chars: int, start_char: int) -> None:
    text = "".join(chr(ord("a") + at % 26) for at in range(size_chars))
    page = PageText(1, text, start_char)
    pieces = [read(page)]
    while (start := pieces[-1].next_start_char) is not None:
        pieces.append(read(page, start))
    assert "".join(piece.text for piece in pieces) == text
    assert len(pieces) == max(1, -(-size_chars // MAX_PAGE_CHARS))
    assert pieces[-1].end_char == start_char + size_chars
