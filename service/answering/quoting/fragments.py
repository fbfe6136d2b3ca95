"""Whether a piece of text is a statement, or only a heading, a row or a line of a form. Pure."""

from __future__ import annotations

import re

# A question states nothing, and a colon only announces: "The changes were as follows:".
_ENDED = re.compile(r"[.!…।۔。！｡][\"'’”»)\]）】」』》〉*_\s]*$")
_WORD = re.compile(r"(?<!\w)[^\W\d_]{2,}")


def ends_as_statement(text: str) -> bool:
    """Whether `text` ends with a full stop or an exclamation mark, in any script."""
    return _ENDED.search(text) is not None


def is_statement(text: str) -> bool:
    """Whether `text` ends so and has a word without a capital.

    Lines such as "Date: May 30, 2023 PepsiCo, Inc." end in a stop and have none; words of scripts
    without capitals all count.
    """
    return ends_as_statement(text) and any(not word[0].isupper() for word in _WORD.findall(text))
