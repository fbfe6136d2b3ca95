"""Which lines of a table name its columns. Pure.

A table's text has a row a line, its cells parted by " | ". Most kinds of file do not mark the rows
at its top (a CSV file cannot), so they are known by what they hold: names, where the rows below
hold figures.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ingestion.parsing.parsed import BlockDraft

CELL_JOIN = " | "
# Titles over the columns' names ("Sales by region", "in thousands"), and a second row of names
# under names that span several columns.
_MOST_CAPTION_LINES = 2
_MOST_MARKED_LINES = 4
# Of a longer one, not even its column names fit into a chunk.
_MOST_HEADER_CHARS = 2000

_NUMBER = re.compile(
    r"[\s(+\-−–$€£¥%~<>≈]*\d[\d\s.,'’]*(?:[\s)%]|[$€£¥]|bn|[kmb]|e[+-]?\d+)*$", re.IGNORECASE
)
_YEAR = re.compile(r"(?:fy|q[1-4])?\s?(?:19|20)\d\d[ae*]?$", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d\d-\d\d|\d{1,2}[./]\d{1,2}[./]\d{2,4}")


def cells(line: str) -> list[str]:
    """The cells of a line of a table's text; one that holds " | " itself counts as two."""
    # White space is taken from the ends of a text, and so from a first cell that is empty.
    padded = f" {line}" if line.startswith("| ") else line
    return [cell.strip() for cell in padded.split(CELL_JOIN)]


def table_draft(text: str, *, marked_lines: int = 0, inherited: str = "") -> BlockDraft:
    """A table with this text, and its header: the `marked_lines` first ones, or as they look.

    `inherited` is the header of the table before, for one that goes on below a blank row.
    """
    lines = text.strip().split("\n", _MOST_CAPTION_LINES + _MOST_MARKED_LINES)
    count = min(marked_lines, _MOST_MARKED_LINES) or header_line_count(lines)
    header = "\n".join(lines[:count])
    if not count and _fits(inherited, lines[0]):
        header = inherited
    if len(header) > _MOST_HEADER_CHARS:
        count, header = 0, ""
    return BlockDraft(kind="table", text=text, header=header, header_lines=count)


def header_line_count(lines: Sequence[str]) -> int:
    """How many of a table's first lines are its caption and the names of its columns; often 0.

    `lines` need not go beyond the first six. Some line is always left that is not counted.
    """
    rows = [cells(line) for line in lines]
    names = 0
    while names < _MOST_CAPTION_LINES and names + 1 < len(rows) and _filled(rows[names]) <= 1:
        names += 1
    if names + 1 >= len(rows) or not _names_columns(rows[names], rows[names + 1]):
        return 0
    below = rows[names + 1 : names + 3]
    second = len(below) == 2 and _only_names(below[0]) and _is_second(rows[names], *below)
    return names + 1 + second


def _names_columns(row: Sequence[str], below: Sequence[str]) -> bool:
    """Whether a row is unlike a row of values: at least two names, and no figure but years."""
    if _filled(row) < 2 or not _only_names(row):
        return False
    alike = zip(row, below, strict=False)
    return not any(
        (_DATE.match(one) and _DATE.match(other)) or (_YEAR.match(one) and _YEAR.match(other))
        for one, other in alike
    )


def _is_second(row: Sequence[str], below: Sequence[str], next_below: Sequence[str]) -> bool:
    """Whether names stand below others that span several columns, as years below a quarter."""
    sparse = 2 * _filled(row) <= len(below)
    spans = not all(row) or _filled(row) < _filled(below)
    return sparse or (spans and _holds_numbers(next_below))


def _only_names(row: Sequence[str]) -> bool:
    return not any(_NUMBER.match(cell) and not _YEAR.match(cell) for cell in row)


def _holds_numbers(row: Sequence[str]) -> bool:
    return any(_NUMBER.match(cell) and not _YEAR.match(cell) for cell in row)


def _filled(row: Sequence[str]) -> int:
    return sum(bool(cell) for cell in row)


def _fits(header: str, line: str) -> bool:
    """Whether a header can be that of a row: neither has columns that the other lacks."""
    return bool(header) and 2 <= len(cells(line)) <= len(cells(header.rpartition("\n")[2]))
