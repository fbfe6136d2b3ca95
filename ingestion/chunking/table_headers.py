"""The header of a table, cut to the room that there is for it in front of its rows."""

from __future__ import annotations

from corpus.embedding.tokens import TokenCounter
from ingestion.parsing.tables import CELL_JOIN


class TableHeaders:
    """Cuts headers to `limit_tokens`; the last one is kept, as tables go on over many blocks."""

    def __init__(self, tokens: TokenCounter, limit_tokens: int) -> None:
        self._tokens = tokens
        self._limit_tokens = limit_tokens
        self._last = ("", "", 0)

    def fitting(self, header: str) -> tuple[str, int]:
        """As much of a header as fits, and its tokens.

        Captions go first, then the last columns' names, whole.
        """
        if header != self._last[0]:
            self._last = (header, *self._cut(header))
        return self._last[1:]

    def _cut(self, header: str) -> tuple[str, int]:
        lines = header.split("\n")
        for first in range(len(lines)):
            text = "\n".join(lines[first:])
            size_tokens = len(self._tokens.offsets(text))
            if size_tokens <= self._limit_tokens:
                return text, size_tokens
        offsets = self._tokens.offsets(lines[-1])
        text = lines[-1][: offsets[self._limit_tokens][0]].rpartition(CELL_JOIN)[0]
        return text, len(self._tokens.offsets(text))


def after_lines(text: str, count: int, start: int, end: int) -> int:
    """Where the line begins that follows the first `count` lines of `text[start:end]`, or `end`."""
    at = start
    for _ in range(count):
        at = text.find("\n", at, end) + 1 or end
    return at
