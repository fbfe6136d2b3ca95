"""Where a span of a page's text stands on the page.

The text that is kept differs from PDFium's in blanks, hyphens and ligatures alone, and has the same
order (text_layer.py): letter for letter, one is the other.
"""

from __future__ import annotations

import ctypes
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pypdfium2
import pypdfium2.raw as pdfium

from ingestion.parsing.pdf.pictures import Box

# A quote has a few hundred letters.
MAX_RUNS = 5_000
# Two runs with less than so many heights between them are marked as one.
_WORD_GAP = 1.0


@dataclass(frozen=True, slots=True)
class _Letters:
    """The letters and digits of a text, one string, and where each stands in it."""

    said: str
    places: list[int]


def boxes_of_span(textpage: pypdfium2.PdfTextPage, text: str, start: int, end: int) -> list[Box]:
    """(left, bottom, right, top) in points of each line of `text[start:end]`; `text` is the page's.

    Empty where it does not stand in the text layer: it was read by OCR, or has no letter.
    """
    kept, drawn = _letters(text), _letters(textpage.get_text_range())
    first, last = bisect_left(kept.places, start), bisect_left(kept.places, end)
    if first == last:
        return []
    at = first if kept.said == drawn.said else _nearest(drawn.said, kept.said[first:last], first)
    if at is None:
        return []
    begin = drawn.places[at]
    count = drawn.places[at + last - first - 1] + 1 - begin
    return _lines(_glyph_runs(textpage, begin, count))


def _letters(text: str) -> _Letters:
    said: list[str] = []
    places: list[int] = []
    for at, char in enumerate(text):
        for letter in unicodedata.normalize("NFKC", char):
            if letter.isalnum():
                said.append(letter)
                places.append(at)
    return _Letters("".join(said), places)


def _nearest(text: str, wanted: str, near: int) -> int | None:
    """Where `wanted` begins in `text`, of several places the one next to `near`."""
    before, after = text.rfind(wanted, 0, near + len(wanted)), text.find(wanted, near)
    found = [at for at in (before, after) if at >= 0]
    return min(found, key=lambda at: abs(at - near), default=None)


def _glyph_runs(textpage: pypdfium2.PdfTextPage, begin: int, count: int) -> Iterator[Box]:
    """What PDFium takes for one piece: a line, or where letters were placed singly, a letter."""
    first = pdfium.FPDFText_GetCharIndexFromTextIndex(textpage, begin)
    last = pdfium.FPDFText_GetCharIndexFromTextIndex(textpage, begin + count - 1)
    if first < 0 or last < first:
        return
    left, top, right, bottom = (ctypes.c_double() for _ in range(4))
    for index in range(
        min(pdfium.FPDFText_CountRects(textpage, first, last + 1 - first), MAX_RUNS)
    ):
        if pdfium.FPDFText_GetRect(textpage, index, left, top, right, bottom):
            yield left.value, bottom.value, right.value, top.value


def _lines(runs: Iterable[Box]) -> list[Box]:
    """Runs that follow each other on a line, as one box."""
    lines: list[Box] = []
    for box in runs:
        if lines and _goes_on(lines[-1], box):
            before = lines.pop()
            left, bottom = min(before[0], box[0]), min(before[1], box[1])
            box = (left, bottom, max(before[2], box[2]), max(before[3], box[3]))  # noqa: PLW2901
        lines.append(box)
    return lines


def _goes_on(line: Box, box: Box) -> bool:
    height = max(line[3] - line[1], box[3] - box[1])
    is_level = min(line[3], box[3]) - max(line[1], box[1]) > 0
    return is_level and -height <= box[0] - line[2] <= _WORD_GAP * height
