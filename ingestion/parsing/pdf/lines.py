"""From the lines of a PDF page, with where they stand, to rows and paragraphs. Pure.

A PDF has no paragraphs and no rows, only glyphs in the order the producing program drew them.
PDFium joins glyphs into lines; what is left to do is to put the cells of one table row that were
drawn apart back on one line, to see from the white space where a paragraph ends, and to undo
hyphenation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

# PDFium puts U+FFFE where a line ended in a hyphen, and drops the line break after it.
BROKEN_WORD = "\ufffe"

# A gap this many times the page's usual one ends a paragraph: in the filings measured, leading
# inside a paragraph varies by under 10 %, and the space between paragraphs starts at 1.45 lines.
_PARAGRAPH_GAP = 1.3
# Two boxes that share this part of the lower one's height stand in one row; a superscript on
# the line shares more, the next line of set text shares next to nothing.
_SAME_ROW_OVERLAP = 0.5

# Words are bounded, so that a page of one endless word does not take quadratic time.
_BROKEN = re.compile(rf"((?:[^\W_]|-){{0,64}}){BROKEN_WORD}([^\W_]{{0,64}})")
_HYPHENATED = re.compile(r"\b[^\W\d_]{1,64}-[^\W\d_]{1,64}")


@dataclass(frozen=True)
class Line:
    """A line of text and its first and last glyph's boxes, in points; `bottom` grows upwards.

    `position` is where it begins in the text that PDFium gives of the page.
    """

    text: str
    left: float
    bottom: float
    top: float
    right: float
    last_bottom: float
    last_top: float
    position: int = 0


def join_rows(lines: Iterable[Line]) -> list[Line]:
    """Put a line that continues its predecessor's row to the right onto the same line."""
    rows: list[Line] = []
    for line in lines:
        if rows and _continues_row(rows[-1], line):
            before = rows[-1]
            rows[-1] = replace(
                before,
                text=f"{before.text} {line.text}",
                right=line.right,
                last_bottom=line.last_bottom,
                last_top=line.last_top,
            )
        else:
            rows.append(line)
    return rows


def _continues_row(before: Line, line: Line) -> bool:
    height = min(before.last_top - before.last_bottom, line.top - line.bottom)
    overlap = min(before.last_top, line.top) - max(before.last_bottom, line.bottom)
    return (
        height > 0 and overlap > _SAME_ROW_OVERLAP * height and line.left >= before.right - height
    )


def paragraphs(lines: Sequence[Line]) -> list[str]:
    r"""Lines joined by "\n" into paragraphs, in the order given.

    A paragraph ends where the gap to the next line is wider than usual on this page, or where
    the next line stands above (a new column).
    """
    if not lines:
        return []
    drops = [before.last_bottom - line.bottom for before, line in pairwise(lines)]
    usual = median([drop for drop in drops if drop > 0] or [0.0])
    done: list[list[str]] = [[lines[0].text]]
    for line, drop in zip(lines[1:], drops, strict=True):
        height = line.top - line.bottom
        if drop > _PARAGRAPH_GAP * max(usual, height) or drop < -height / 2:
            done.append([])
        done[-1].append(line.text)
    return ["\n".join(part) for part in done]


def hyphenated_words(texts: Iterable[str]) -> frozenset[str]:
    """Words written with a hyphen inside a line, in lower case: "long-term"."""
    return frozenset(word.lower() for text in texts for word in _HYPHENATED.findall(text))


def rejoin_words(text: str, hyphenated: frozenset[str]) -> str:
    """Replace each `BROKEN_WORD` mark by nothing, or by the hyphen where the word has one.

    The word has one if the document writes it so elsewhere (`hyphenated`), or if it does not go
    on in lower case ("COVID-19", "Anglo-American"). Otherwise the hyphen was the typesetter's.
    """
    if BROKEN_WORD not in text:
        return text  # the pattern is slow to find nothing, and few paragraphs have a mark

    def rejoin(match: re.Match[str]) -> str:
        before, after = match.groups()
        whole = f"{before}-{after}"
        plain = before.isalpha() and after[:1].islower()
        return f"{before}{after}" if plain and whole.lower() not in hyphenated else whole

    return _BROKEN.sub(rejoin, text)
