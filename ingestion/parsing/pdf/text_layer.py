"""PDF: the text layer by PDFium, page by page, with rows and paragraphs put together.

The text is what PDFium's own viewer finds and copies, so a quote from it can be searched for in
the page. Three things differ, on purpose: words hyphenated at a line end are whole again, ligatures
are letters, and cells of one row stand on one line (`pdf_lines`, `characters`).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from pathlib import Path

import pypdfium2
import pypdfium2.raw as pdfium

from corpus.errors import BrokenFile, EncryptedFile
from ingestion.parsing.notices import (
    hidden_text,
    pages_beyond_limit,
    pages_damaged,
    pictures_not_read,
)
from ingestion.parsing.parsed import BlockDraft, ParsedDocument, assemble
from ingestion.parsing.pdf.glyphs import HiddenTextSearch, unmapped_share
from ingestion.parsing.pdf.lines import (
    Line,
    hyphenated_words,
    join_rows,
    paragraphs,
    rejoin_words,
)
from ingestion.parsing.text.characters import clean_text, means_nothing
from ingestion.parsing.titles import plausible_title

PROGRESS_EVERY_PAGES = 10

# Text drawn as outlines is paths, hundreds of them a page; a ruled empty page has a few.
_OUTLINED_TEXT_PATHS = 200


def parse_pdf(
    path: Path, *, max_pages: int, on_progress: Callable[[int, int], None] | None = None
) -> ParsedDocument:
    """Read the first `max_pages` pages; a warning says so when there are more.

    Pages without text but with pictures are in `pages_needing_ocr`; blank ones are not. When no
    page has text it is the caller who decides what that means. `on_progress(done, total)` counts
    pages. Raises `EncryptedFile` when a password is needed, `BrokenFile` when PDFium cannot open
    the file.
    """
    with open_pdf(path) as pdf:
        total = len(pdf)
        count = min(total, max_pages)
        pages: list[list[str]] = []
        needing_ocr: list[int] = []
        damaged: list[int] = []
        unmapped: dict[int, float] = {}
        hidden = HiddenTextSearch()
        for index in range(count):
            try:
                texts, needs_ocr, unmapped[index + 1] = _read_page(pdf, index, hidden)
            except pypdfium2.PdfiumError:
                texts, needs_ocr = [], False
                damaged.append(index + 1)
            pages.append(texts)
            if needs_ocr:
                needing_ocr.append(index + 1)
            if on_progress and (index + 1 == count or (index + 1) % PROGRESS_EVERY_PAGES == 0):
                # Pages for OCR are done when that has read them.
                on_progress(index + 1 - len(needing_ocr), count)
        if len(damaged) == count:
            raise BrokenFile("No page of this PDF can be read.")
        warnings = []
        if total > count:
            warnings.append(pages_beyond_limit(count, total))
        if damaged:
            warnings.append(pages_damaged(damaged))
        if hidden.pages:
            warnings.append(hidden_text("a reader of the page does not see", hidden.pages))
        if hidden.pictures:
            warnings.append(pictures_not_read(hidden.pictures))
        title = plausible_title(pdf.get_metadata_value("Title"), single_word=False)
    return assemble(
        ((number, drafts) for number, drafts in enumerate(_drafts(pages), start=1)),
        title=title,
        pages_needing_ocr=tuple(needing_ocr),
        all_pages_read=not damaged and count == total,
        warnings=tuple(warnings),
        unmapped_shares=unmapped,
    )


def open_pdf(path: Path) -> pypdfium2.PdfDocument:
    """The file, opened. Raises `EncryptedFile` or `BrokenFile`."""
    try:
        return pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if error.err_code == pdfium.FPDF_ERR_PASSWORD:
            raise EncryptedFile("This PDF cannot be opened without its password.") from error
        if error.err_code == pdfium.FPDF_ERR_SECURITY:
            raise EncryptedFile("This PDF is encrypted in an unsupported way.") from error
        raise BrokenFile("This PDF is damaged: it cannot be opened.") from error


def _read_page(
    pdf: pypdfium2.PdfDocument, index: int, hidden: HiddenTextSearch
) -> tuple[list[str], bool, float]:
    """The paragraphs of a page (still with `BROKEN_WORD` marks), whether it is a picture.

    And the share of its characters without a Unicode value. What it hides is told to `hidden`.
    """
    page = pdf[index]
    try:
        textpage = page.get_textpage()
        try:
            lines = list(_lines(textpage))
            texts = paragraphs(join_rows(lines))
            hidden.look(index + 1, page, textpage, lines)
            unmapped = unmapped_share(textpage)
        finally:
            textpage.close()
        if means_nothing("".join(texts)):
            # Glyphs without characters: only their pictures say what they are.
            return [], True, 0.0
        return texts, not texts and _is_picture(page), unmapped
    finally:
        page.close()


def _lines(textpage: pypdfium2.PdfTextPage) -> Iterator[Line]:
    """The page's lines in drawing order, each with the boxes of its first and last glyph."""
    position = 0
    for part in textpage.get_text_range().split("\n"):
        text = part.strip()
        if text:
            first = position + part.index(text[0])
            left, bottom, _, top = _glyph_box(textpage, first)
            _, last_bottom, right, last_top = _glyph_box(textpage, first + len(text) - 1)
            yield Line(text, left, bottom, top, right, last_bottom, last_top, first)
        position += len(part) + 1


def _glyph_box(
    textpage: pypdfium2.PdfTextPage, text_index: int
) -> tuple[float, float, float, float]:
    """(left, bottom, right, top) in points of the glyph at this place of the page's text.

    The box is the font's, not the ink's, so a dash is as high as a letter. All zeros when PDFium
    does not know it.
    """
    index = pdfium.FPDFText_GetCharIndexFromTextIndex(textpage, text_index)
    rect = pdfium.FS_RECTF()
    if index < 0 or not pdfium.FPDFText_GetLooseCharBox(textpage, index, ctypes.byref(rect)):
        return 0.0, 0.0, 0.0, 0.0
    return rect.left, rect.bottom, rect.right, rect.top


def _is_picture(page: pypdfium2.PdfPage) -> bool:
    """Whether a page without text shows something that only OCR could read."""
    paths = 0
    for item in page.get_objects(max_depth=3):
        if item.type == pdfium.FPDF_PAGEOBJ_IMAGE:
            return True
        paths += item.type == pdfium.FPDF_PAGEOBJ_PATH
        if paths > _OUTLINED_TEXT_PATHS:
            return True
    return False


def _drafts(pages: list[list[str]]) -> Iterator[list[BlockDraft]]:
    hyphenated = hyphenated_words(text for texts in pages for text in texts)
    for texts in pages:
        yield [
            BlockDraft(kind="text", text=clean_text(rejoin_words(text, hyphenated)))
            for text in texts
        ]
