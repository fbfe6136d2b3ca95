"""The rows of tables in a chunk as HTML, with their header, for whoever shows them. Pure.

The markup is made anew from the cells' text: nothing of the uploaded file's own markup is in it, so
that it can be shown as it is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from html import escape

from ingestion.chunking.table_headers import after_lines
from ingestion.parsing.parsed import Block, ParsedPage
from ingestion.parsing.tables import cells

# The markup is stored with the node; a chunk of 256 tokens needs a tenth of this.
MOST_CHARS = 8000


class TableMarkup:
    """Finds the tables in parts of one page."""

    def __init__(self, page: ParsedPage) -> None:
        self._text = page.text
        self._offset = page.start_char
        self._tables = sorted(
            (block for block in page.blocks if block.kind == "table"),
            key=lambda block: block.start_char,
        )
        self._starts = [block.start_char - page.start_char for block in self._tables]

    def between(self, start: int, end: int) -> str:
        r"""A `<table>` for each table with a row in `page.text[start:end]`, one after the other.

        Empty without any. A row that is cut there is whole here. Rows that would take it beyond
        `MOST_CHARS` characters are left out.
        """
        first = max(0, bisect_right(self._starts, start) - 1)
        made: list[str] = []
        room = MOST_CHARS
        for table, table_start in zip(self._tables[first:], self._starts[first:], strict=True):
            if table_start >= end:
                break
            if table.end_char - self._offset > start:
                markup = self._markup(table, start, end, room)
                made.append(markup)
                room -= len(markup)
        return "".join(made)

    def _markup(self, table: Block, start: int, end: int, room: int) -> str:
        if len(table.header) > room:
            return ""
        table_start, table_end = (
            table.start_char - self._offset,
            table.end_char - self._offset,
        )
        body_start = after_lines(self._text, table.header_lines, table_start, table_end)
        head = "".join(_row(line, "th") for line in table.header.split("\n") if line)
        made = [f"<table><thead>{head}</thead><tbody>" if head else "<table><tbody>"]
        left = room - len(made[0]) - len("</tbody></table>")
        for line in self._lines(max(start, body_start), min(end, table_end), body_start, table_end):
            row = _row(line, "td")
            if len(row) > left:
                break
            left -= len(row)
            made.append(row)
        if left < 0 or len(made) == 1:
            return ""
        return "".join([*made, "</tbody></table>"])

    def _lines(self, start: int, end: int, first: int, last: int) -> Iterator[str]:
        """The lines between `first` and `last` that have a character between `start` and `end`.

        They end before one that is too long to be shown: looking at all of it for each of its many
        chunks would take hours.
        """
        nearest = max(first, start - MOST_CHARS)
        at = self._text.rfind("\n", nearest, start) + 1 or nearest
        if at == nearest > first:
            return
        while at < end:
            stop = self._text.find("\n", at, min(last, at + MOST_CHARS))
            if stop < 0 and last - at > MOST_CHARS:
                return
            stop = last if stop < 0 else stop
            if self._text[at:stop].strip():
                yield self._text[at:stop]
            at = stop + 1


def _row(line: str, tag: str) -> str:
    inner = "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells(line))
    return f"<tr>{inner}</tr>"
