"""Which line breaks end a sentence: in text taken from pages, most are only where a line was full.

Five signs, each to be seen by looking at two lines: a blank line, a form feed, a list item or mark
of Markdown, a row of figures, and a line that stopped early although the next one does not go on
with it (a heading, an address). Everything else is a wrap.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_LINE = re.compile(r"[^\n\r\f\u2029]+")
_MARKED = re.compile(
    r"(?:[-*+•▪◦‣●○■–—·]|#{1,6}|\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})[.)、])\s|[|]"
)
_STANDS_ALONE = re.compile(r"#{1,6}\s|[|]")
_FIGURE = re.compile(r"[($€£¥+\-−–—]*+[.,]?\d[\d.,]*+[)%*]*+|[$€£¥—–%)]++")

# Narrow columns of print hold about 40 characters; a line below that which the next one does not
# continue is a heading or a list, at any width of the page.
_SHORT_CHARS = 40
# Ragged-right text fills over 80 % of its lines' width, headings seldom reach 60 %.
_SHORT_SHARE = 0.6
_NEIGHBOUR_LINES = 4
_GOES_ON = (",", "-", "‐", "&", "(", "/")
# No heading and no sentence ends in one of these (English, German, French, Spanish).
_FUNCTION_WORDS = """
a an the of in on at by to for from with into and or as is was are were that which its their
der die das den dem des ein eine einen einem einer und oder im am zum zur von mit für
le la les des du un une et ou à dans pour par el los las una y de del en con
"""
_NEVER_LAST = frozenset(_FUNCTION_WORDS.split())


def unbroken_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of runs of lines that read on, in order, trimmed and not empty.

    No run holds a blank line or a form feed. Linear in the text's length.
    """
    for lines in _paragraphs(text):
        widest = _widest_nearby(lines)
        rows = [_is_row(text[start:end]) for start, end in lines]
        run_start = lines[0][0]
        for i in range(1, len(lines)):
            if (
                rows[i - 1]
                or rows[i]
                or _ends_sentence(
                    text[lines[i - 1][0] : lines[i - 1][1]],
                    text[lines[i][0] : lines[i][1]],
                    widest[i - 1],
                )
            ):
                yield run_start, lines[i - 1][1]
                run_start = lines[i][0]
        yield run_start, lines[-1][1]


def _paragraphs(text: str) -> Iterator[list[tuple[int, int]]]:
    """Group the trimmed, non-empty lines between blank lines and form feeds."""
    lines: list[tuple[int, int]] = []
    previous_end = 0
    for match in _LINE.finditer(text):
        line = match.group()
        body = line.strip()
        between = text[previous_end : match.start()]
        previous_end = match.end()
        if lines and (not body or (between not in {"\n", "\r", "\r\n"})):
            yield lines
            lines = []
        if body:
            start = match.start() + len(line) - len(line.lstrip())
            lines.append((start, start + len(body)))
    if lines:
        yield lines


def _widest_nearby(lines: list[tuple[int, int]]) -> list[int]:
    """For each line the length of the longest one among itself and its neighbours, characters."""
    lengths = [end - start for start, end in lines]
    return [
        max(lengths[max(0, i - _NEIGHBOUR_LINES) : i + _NEIGHBOUR_LINES + 1])
        for i in range(len(lengths))
    ]


def _is_row(line: str) -> bool:
    """Whether the line looks like a row of a table: ends in a figure, and a quarter is figures."""
    words = line.split()
    if not _FIGURE.fullmatch(words[-1]):
        return False
    figures = sum(1 for word in words if _FIGURE.fullmatch(word))
    return figures >= 2 and figures * 4 >= len(words)


def _has_figures(line: str) -> bool:
    """Whether two words are figures, as in the row below a table's "Reordered at"."""
    return sum(1 for word in line.split() if _FIGURE.fullmatch(word)) >= 2


def _ends_sentence(line: str, following: str, widest_chars: int) -> bool:
    if _MARKED.match(following) or _STANDS_ALONE.match(line):
        return True
    if following[0].islower() or line.endswith(_GOES_ON):
        return False
    if line.rsplit(maxsplit=1)[-1] in _NEVER_LAST and not _has_figures(following):
        return False
    return len(line) < max(_SHORT_CHARS, _SHORT_SHARE * widest_chars)
