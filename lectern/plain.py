"""Text of documents and endpoints, made safe to print."""

from __future__ import annotations

_REMOVED = dict.fromkeys({*range(0x20), *range(0x7F, 0xA0)} - {ord("\n"), ord("\t")})


def plain(text: str) -> str:
    """The text without control characters other than line ends and tabs.

    An escape sequence in a document would otherwise command the reader's terminal.
    """
    return text.translate(_REMOVED)
