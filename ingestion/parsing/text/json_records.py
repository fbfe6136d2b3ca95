"""Records of a JSON file on lines of their own, so that none is cut in the middle. Pure.

Programs write a list of records as one line of megabytes. A chunk is made of lines, so each record
gets its own: it is found with its keys, and shown whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# A file whose lines are no longer than this was written to be read.
_LONG_LINE_CHARS = 400
# Records of a list, of a list in an object ({"data": [...]}), of a list in a list.
_DEEPEST_LIST = 2
# A string, to its end or the text's; or a bracket with what parts it from the next value.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}](?:\s{0,8},[ \t]{0,8})?', re.DOTALL)


def records_on_lines(text: str) -> str:
    """The same JSON, with a line break after each record that another follows.

    As it is when no line of it is long. Linear in its length; anything that is no JSON is no error.
    """
    if all(len(line) <= _LONG_LINE_CHARS for line in text.split("\n")):
        return text
    parts: list[str] = []
    start = 0
    for end in _record_ends(text):
        parts.append(text[start:end].rstrip())
        start = end
    return "\n".join([*parts, text[start:]])


def _record_ends(text: str) -> Iterator[int]:
    open_brackets: list[str] = []
    for token in _TOKEN.finditer(text):
        first = token[0][0]
        if first in "[{":
            open_brackets.append(first)
        elif first in "]}":
            if open_brackets:
                open_brackets.pop()
            in_list = open_brackets[-1:] == ["["] and len(open_brackets) <= _DEEPEST_LIST
            if in_list and len(token[0]) > 1 and text[token.end() : token.end() + 1] != "\n":
                yield token.end()
