"""Cut a page into the smallest pieces a chunk is made of: sentences, headings, rows, lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from corpus.embedding.tokens import TokenCounter
from corpus.text.sentences import MAX_SENTENCE_CHARS, sentence_spans
from ingestion.chunking.outline import Outline
from ingestion.chunking.table_headers import TableHeaders, after_lines
from ingestion.parsing.parsed import Block, BlockKind, ParsedPage

# A longer "heading" is a paragraph in bold.
_LONGEST_HEADING_CHARS = 200
# Words of one script hardly exceed this; what does is one "unknown" token for the tokenizer however
# long it is (encoded data), and would otherwise make a chunk of 100,000 characters.
_LONGEST_TOKEN_CHARS = 12
# The names of a table's columns take at most this share of a chunk, in front of its rows.
HEADER_SHARE = 0.25
_LINE = re.compile(r"[^\n\r]+")
_SENTENCE_ENDS = frozenset(".!?。！？।؟”\"')")


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece of one page, never cut again.

    `start_char` and `end_char` delimit it in the page's text (end exclusive). A chunk that begins
    with it says `heading_path` and `table_header` (that of the table it is a row of), which with
    the title take `context_tokens`. `begins_paragraph`: prose or a list begins with it, after a
    blank line.
    """

    start_char: int
    end_char: int
    tokens: int
    heading_path: str
    context_tokens: int
    table_header: str = ""
    is_heading: bool = False
    is_sentence: bool = False
    begins_paragraph: bool = False


def page_units(
    page: ParsedPage, outline: Outline, tokens: TokenCounter, limit_tokens: int
) -> Iterator[Unit]:
    """Yield the page's units in order; all its text but white space is in one.

    A unit and its context have at most `limit_tokens`, but a unit of characters that the tokenizer
    does not know counts for its length. The headings met are entered in `outline`.
    """
    headers = TableHeaders(tokens, int(limit_tokens * HEADER_SHARE))
    for part in _segments(page):
        text = page.text[part.start : part.end]
        heading = part.kind == "heading" and len(text) <= _LONGEST_HEADING_CHARS
        running = part.kind in {"text", "list"}
        if heading:
            outline.leave(part.level)
        header, header_tokens = headers.fitting(part.header)
        body_start = after_lines(text, part.header_lines, 0, len(text))
        pieces = _pieces(
            text, part.kind, tokens, limit_tokens - outline.context_tokens - header_tokens
        )
        for number, (piece_start, piece_end, size_tokens) in enumerate(pieces):
            in_body = piece_start >= body_start
            yield Unit(
                start_char=part.start + piece_start,
                end_char=part.start + piece_end,
                tokens=max(size_tokens, (piece_end - piece_start) // _LONGEST_TOKEN_CHARS),
                heading_path=outline.heading_path,
                context_tokens=outline.context_tokens + (header_tokens if in_body else 0),
                table_header=header if in_body else "",
                is_heading=heading,
                is_sentence=running and text[piece_end - 1] in _SENTENCE_ENDS,
                begins_paragraph=number == 0 and running and _is_parted(page.text, part.start),
            )
        if heading:
            outline.enter(part.level, text)


@dataclass(frozen=True, slots=True)
class _Segment:
    """A block, or the text between two, by its place in the page's text."""

    kind: BlockKind
    start: int
    end: int
    level: int = 0
    header: str = ""
    header_lines: int = 0


def _segments(page: ParsedPage) -> Iterator[_Segment]:
    """Yield blocks and the text between them, in order."""
    cursor = 0
    length = len(page.text)
    for block in sorted(page.blocks, key=lambda block: block.start_char):
        start, end = _within(page, block, cursor)
        if start > cursor:
            yield _Segment("text", cursor, start)
        if end > start:
            level = max(1, block.level)
            yield _Segment(block.kind, start, end, level, block.header, block.header_lines)
        cursor = max(cursor, end)
    if cursor < length:
        yield _Segment("text", cursor, length)


def _within(page: ParsedPage, block: Block, cursor: int) -> tuple[int, int]:
    length = len(page.text)
    start = min(max(block.start_char - page.start_char, cursor), length)
    return start, min(max(block.end_char - page.start_char, start), length)


def _is_parted(text: str, start: int) -> bool:
    return start == 0 or text.endswith("\n\n", 0, start)


def _pieces(
    text: str, kind: BlockKind, tokens: TokenCounter, limit_tokens: int
) -> Iterator[tuple[int, int, int]]:
    """Yield (start, end, tokens) of sentences, or of lines where a line break means something."""
    spans = _line_spans(text) if kind in {"table", "code"} else sentence_spans(text)
    for start, end in spans:
        yield from _fitting(text, start, end, tokens, limit_tokens)


def _fitting(
    text: str, start: int, end: int, tokens: TokenCounter, limit_tokens: int
) -> Iterator[tuple[int, int, int]]:
    """Cut a span with too many tokens: between words where there is a gap, else between tokens."""
    offsets = [(start + s, start + e) for s, e in tokens.offsets(text[start:end])]
    first = 0
    while len(offsets) - first > limit_tokens:
        cut = first + limit_tokens
        gap = cut
        while gap > first and offsets[gap][0] == offsets[gap - 1][1]:
            gap -= 1
        if gap > first:
            cut = gap
        cut_char = offsets[cut][0]
        yield start, start + len(text[start:cut_char].rstrip()), cut - first
        start, first = cut_char, cut
        if gap != cut:
            # The rest of a word has other tokens than the word's end had.
            offsets = [(start + s, start + e) for s, e in tokens.offsets(text[start:end])]
            first = 0
    yield start, end, len(offsets) - first


def _line_spans(text: str) -> Iterator[tuple[int, int]]:
    for line in _LINE.finditer(text):
        body = line.group().strip()
        start = line.start() + line.group().find(body)
        for piece_start, piece_end in _short_spans(body):
            yield start + piece_start, start + piece_end


def _short_spans(line: str) -> list[tuple[int, int]]:
    """Return the line itself; a line as long as a page is cut like running text."""
    return [(0, len(line))] if 0 < len(line) <= MAX_SENTENCE_CHARS else sentence_spans(line)
