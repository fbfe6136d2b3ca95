"""From Tesseract's table of words (TSV) to paragraphs. Pure.

Its columns: level, page, block, paragraph, line, word, left, top, width, height, confidence, text;
words are of level 5, in reading order (tesseract(1), "tsv").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from ingestion.parsing.pdf.lines import BROKEN_WORD
from ingestion.parsing.text.characters import clean_text

_WORD_LEVEL = "5"
_COLUMNS = 12
# In percent. On the page pictures measured, lines of text have 70 to 97, and what Tesseract reads
# in photographs, rules and logos mostly stays below 30.
_MIN_LINE_CONFIDENCE = 30.0
_LINE_END_HYPHEN = re.compile(r"(?<=[^\W\d_])[-\u2010]\Z")


@dataclass(frozen=True, slots=True)
class PageReading:
    """What was recognised on a page: its paragraphs in reading order; none on a blank page.

    `BROKEN_WORD` marks stand where a word was hyphenated at a line end. `confidence` in [0, 1] is
    the mean over the characters, 0 for a page without any.
    """

    paragraphs: tuple[str, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class _Word:
    paragraph: tuple[str, str]
    line: str
    confidence: float
    text: str


def read_tsv(table: str) -> PageReading:
    """The page that `table` describes; rows that are not of its form are passed over."""
    lines = [line for line in _lines(_words(table)) if _is_text(line)]
    paragraphs = (
        _joined([" ".join(word.text for word in line) for line in group])
        for _, group in groupby(lines, key=lambda line: line[0].paragraph)
    )
    words = [word for line in lines for word in line]
    return PageReading(tuple(paragraphs), _confidence(words) / 100)


def _words(table: str) -> Iterator[_Word]:
    # Not `splitlines`: a recognised character may be a line end for Unicode.
    for row in table.split("\n"):
        cells = row.split("\t", _COLUMNS - 1)
        if len(cells) != _COLUMNS or cells[0] != _WORD_LEVEL:
            continue
        text = " ".join(clean_text(cells[11]).split())
        try:
            confidence = float(cells[10])
        except ValueError:
            continue
        if text and 0 <= confidence <= 100:
            yield _Word((cells[2], cells[3]), cells[4], confidence, text)


def _lines(words: Iterable[_Word]) -> Iterator[list[_Word]]:
    for _, line in groupby(words, key=lambda word: (word.paragraph, word.line)):
        yield list(line)


def _is_text(line: list[_Word]) -> bool:
    has_words = any(char.isalnum() for word in line for char in word.text)
    return has_words and _confidence(line) >= _MIN_LINE_CONFIDENCE


def _confidence(words: list[_Word]) -> float:
    """In percent, weighted by length: a stray mark counts less than a word."""
    chars = sum(len(word.text) for word in words)
    return sum(word.confidence * len(word.text) for word in words) / chars if chars else 0.0


def _joined(lines: list[str]) -> str:
    text = lines[0]
    for line in lines[1:]:
        broken, hyphens = _LINE_END_HYPHEN.subn(BROKEN_WORD, text)
        text = f"{broken}{line}" if hyphens and line[0].isalpha() else f"{text}\n{line}"
    return text
