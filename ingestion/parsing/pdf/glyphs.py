"""What may be wrong with a PDF page's text though it reads well: hidden from sight, or meaningless.

A page of a filing has 3,000 glyphs, and to ask PDFium about each would double the time that reading
the page takes. So two glyphs of each line are looked at (6 % of the time, on 737 pages of filings),
and only a page where one of them is pale or transparent is drawn: hidden is what leaves no trace in
the drawing. Invisible text over a picture is the layer that OCR puts over a scan, read like any
other text and not reported.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium

from ingestion.parsing.pdf.lines import Line
from ingestion.parsing.pdf.pictures import STAMP_LETTERS, Box, is_stamped_picture, pictures_of

_PALE = 235  # of 255 in red, green and blue: on paper nobody reads it
_FAINT = 26  # of 255, in opacity
_READABLE_PT = 2.0
# In a drawing, letters differ from what is around them by more than this, of 255.
_CONTRAST = 12
# A page is drawn with so many pixels at most, whatever size it says it has: A4 at 100 dpi.
_MOST_PIXELS = 1_000_000
_MOST_DRAWN_PAGES = 300
# Fewer letters are spacers and stray marks.
_FEWEST_LETTERS = 10
_SAMPLED_CHARS = 64

_FILLED = frozenset({pdfium.FPDF_TEXTRENDERMODE_FILL, pdfium.FPDF_TEXTRENDERMODE_FILL_CLIP})


@dataclass(slots=True)
class HiddenTextSearch:
    """Looks at one page after the other.

    `pages` are the numbers of those that hide text, `pictures` of those that are a picture with
    hardly any text beside it: if the picture shows text, it was not read.
    """

    pages: list[int] = field(default_factory=list)
    pictures: list[int] = field(default_factory=list)
    _drawn: int = 0

    def look(
        self,
        number: int,
        page: pypdfium2.PdfPage,
        textpage: pypdfium2.PdfTextPage,
        lines: Sequence[Line],
    ) -> None:
        """Look at a page; `lines` are those of `textpage`, each where PDFium found it."""
        bounds = page.get_bbox()
        hidden = [line for line in lines if _is_outside(line, bounds) or _is_tiny(line)]
        letters = _letters(hidden)
        invisible, pale = _suspects(textpage, lines)
        if invisible and letters < _FEWEST_LETTERS:
            pictures = pictures_of(page)
            letters += _letters(line for line, box in invisible if not pictures.are_behind(box))
        if pale and letters < _FEWEST_LETTERS and self._drawn < _MOST_DRAWN_PAGES:
            self._drawn += 1
            letters += _letters(_without_trace(page, pale))
        if letters >= _FEWEST_LETTERS:
            self.pages.append(number)
        if not invisible and is_stamped_picture(page, _letters(lines)):
            self.pictures.append(number)


def unmapped_share(textpage: pypdfium2.PdfTextPage) -> float:
    """The share, in [0, 1], of a page's characters that the file gives no Unicode value for.

    Judged by a sample of `_SAMPLED_CHARS` characters spread over the page.
    """
    count = pdfium.FPDFText_CountChars(textpage)
    sample = range(0, count, max(1, count // _SAMPLED_CHARS))
    unmapped = sum(pdfium.FPDFText_HasUnicodeMapError(textpage, index) == 1 for index in sample)
    return unmapped / len(sample) if count > 0 else 0.0


def _suspects(
    textpage: pypdfium2.PdfTextPage, lines: Sequence[Line]
) -> tuple[list[tuple[Line, Box]], list[tuple[Line, Box]]]:
    """Lines with a glyph that is drawn not at all, and with one that is pale, and its box."""
    invisible: list[tuple[Line, Box]] = []
    pale: list[tuple[Line, Box]] = []
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    colour = tuple(ctypes.byref(part) for part in (red, green, blue, alpha))
    for line in lines:
        for place in _sampled(line.text):
            index = pdfium.FPDFText_GetCharIndexFromTextIndex(textpage, line.position + place)
            mode = pdfium.FPDFTextObj_GetTextRenderMode(
                pdfium.FPDFText_GetTextObject(textpage, index)
            )
            if mode == pdfium.FPDF_TEXTRENDERMODE_INVISIBLE:
                invisible.append((line, _ink(textpage, index)))
                break
            # Outlined letters have another colour for their lines.
            if mode in _FILLED and pdfium.FPDFText_GetFillColor(textpage, index, *colour):
                lightest = min(red.value, green.value, blue.value)
                if lightest >= _PALE or alpha.value <= _FAINT:
                    pale.append((line, _ink(textpage, index)))
                    break
    return invisible, pale


def _sampled(text: str) -> tuple[int, int]:
    """Two places in a line that are no blanks, about a third from either end."""
    first = len(text) // 3
    last = len(text) - 1 - first
    while text[first].isspace():
        first -= 1
    while text[last].isspace():
        last += 1
    return first, last


def _ink(textpage: pypdfium2.PdfTextPage, index: int) -> Box:
    """(left, bottom, right, top) of a glyph's own shape, in points."""
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    pdfium.FPDFText_GetCharBox(textpage, index, left, right, bottom, top)
    return left.value, bottom.value, right.value, top.value


def _is_outside(line: Line, bounds: Box) -> bool:
    """Whether a line of known place lies beyond the part of the page that is shown."""
    left, bottom, right, top = bounds
    return line.top > line.bottom and (
        line.right < left or line.left > right or line.top < bottom or line.bottom > top
    )


def _is_tiny(line: Line) -> bool:
    """Text that runs upwards is higher than its letters, and passes."""
    height = max(line.top, line.last_top) - min(line.bottom, line.last_bottom)
    return 0 < height < _READABLE_PT


def _without_trace(page: pypdfium2.PdfPage, suspects: Sequence[tuple[Line, Box]]) -> Iterator[Line]:
    """Lines whose glyph is not to be seen in a drawing of the page."""
    width_pt, height_pt = page.get_size()
    scale = (_MOST_PIXELS / max(width_pt * height_pt, 1.0)) ** 0.5
    bitmap = page.render(scale=min(scale, 2.0), grayscale=True)
    try:
        drawing = bitmap.to_numpy().reshape(bitmap.height, bitmap.width, -1)
        for line, box in suspects:
            x0, y0 = _pixel(page, bitmap, box[0], box[3])
            x1, y1 = _pixel(page, bitmap, box[2], box[1])
            rows = slice(max(0, min(y0, y1)), max(y0, y1) + 1)
            columns = slice(max(0, min(x0, x1)), max(x0, x1) + 1)
            seen = drawing[rows, columns]
            if seen.size and int(np.max(seen)) - int(np.min(seen)) < _CONTRAST:
                yield line
    finally:
        bitmap.close()


def _pixel(
    page: pypdfium2.PdfPage, bitmap: pypdfium2.PdfBitmap, x: float, y: float
) -> tuple[int, int]:
    """Where a point of the page lies in its drawing, whichever way the page is turned."""
    column, row = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDF_PageToDevice(page, 0, 0, bitmap.width, bitmap.height, 0, x, y, column, row)
    return column.value, row.value


def _letters(lines: Iterable[Line]) -> int:
    """How many letters and digits they have, counted up to `STAMP_LETTERS`."""
    letters = filter(str.isalnum, chain.from_iterable(line.text for line in lines))
    return sum(1 for _ in islice(letters, STAMP_LETTERS))
