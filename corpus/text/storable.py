"""Text that every database takes. Pure.

Postgres stores no NUL character, and no database halves of surrogate pairs; text out of files and
requests has both. They become U+FFFD, one for one, so that offsets into the text stay right.
"""

from __future__ import annotations

import re

_NOT_STORED = re.compile("[\0\ud800-\udfff]")


def storable(text: str) -> str:
    """The text with U+FFFD in place of what cannot be stored; of the same length."""
    return _NOT_STORED.sub("\N{REPLACEMENT CHARACTER}", text)
