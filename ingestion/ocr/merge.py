"""The recognised pages put into their places in the document. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from corpus.reports import ReadingWarning
from ingestion.ocr.tsv import PageReading
from ingestion.parsing.notices import named
from ingestion.parsing.parsed import (
    PAGE_SEPARATOR,
    BlockDraft,
    ParsedDocument,
    ParsedPage,
    assemble,
)
from ingestion.parsing.pdf.lines import hyphenated_words, rejoin_words


def with_readings(
    document: ParsedDocument, readings: Mapping[int, PageReading], failures: Mapping[int, str]
) -> ParsedDocument:
    """The document with the text of these pages, its offsets counted anew.

    `readings` and `failures` (a sentence each) are by page number. Pages that were read no longer
    need OCR, also when there is nothing on them; a warning names those, and others the failures.
    """
    hyphenated = hyphenated_words(
        [page.text for page in document.pages]
        + [text for reading in readings.values() for text in reading.paragraphs]
    )
    pages: list[ParsedPage] = []
    start_char = 0
    for page in document.pages:
        reading = readings.get(page.number)
        kept = page if reading is None else _recognised(page.number, reading, hyphenated)
        pages.append(_moved(kept, start_char))
        start_char += len(kept.text) + len(PAGE_SEPARATOR)
    return document.model_copy(
        update={
            "pages": tuple(pages),
            "pages_needing_ocr": tuple(
                number for number in document.pages_needing_ocr if number not in readings
            ),
            "warnings": (*document.warnings, *_warnings(readings, failures)),
        }
    )


def _recognised(number: int, reading: PageReading, hyphenated: frozenset[str]) -> ParsedPage:
    drafts = [
        BlockDraft(kind="text", text=rejoin_words(text, hyphenated)) for text in reading.paragraphs
    ]
    [page] = assemble([(number, drafts)]).pages
    return page.model_copy(
        update={"by_ocr": bool(page.text), "ocr_confidence": round(reading.confidence, 4)}
    )


def _moved(page: ParsedPage, start_char: int) -> ParsedPage:
    by = start_char - page.start_char
    blocks = tuple(
        block.model_copy(
            update={"start_char": block.start_char + by, "end_char": block.end_char + by}
        )
        for block in page.blocks
    )
    return page.model_copy(update={"start_char": start_char, "blocks": blocks})


def _warnings(
    readings: Mapping[int, PageReading], failures: Mapping[int, str]
) -> Iterator[ReadingWarning]:
    blank = tuple(sorted(number for number in readings if not readings[number].paragraphs))
    if blank:
        yield ReadingWarning("ocr_found_nothing", f"OCR found no text on {named(blank)}.", blank)
    for reason in dict.fromkeys(failures.values()):
        pages = tuple(sorted(number for number in failures if failures[number] == reason))
        detail = f"{named(pages).capitalize()} could not be recognised: {reason}"
        yield ReadingWarning("ocr_failed", detail, pages)
