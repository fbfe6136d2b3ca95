"""Characters that a reader does not see, taken out of text before anything counts offsets in it.

Quotes are shown to people who then search for them in the file, so the text keeps what is visible
and loses what only a program sees: NULs and other control characters, soft hyphens, zero-width
spaces, byte order marks. Ligatures become their letters (a viewer finds "fi" either way, a word
index does not), and all kinds of blank become a space.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

_SPACES = (
    "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f"
)
_INVISIBLE = "\u00ad\u200b\u2060\ufeff\ufffe\uffff"
_LIGATURES = range(0xFB00, 0xFB07)

_TABLE: dict[int, str | None] = {
    **{code: None for code in range(0x20) if chr(code) not in "\t\n"},
    **dict.fromkeys(range(127, 160)),
    **dict.fromkeys(range(55296, 57344)),  # a lone surrogate cannot be stored as UTF-8
    **{ord(char): " " for char in _SPACES},
    **{ord(char): None for char in _INVISIBLE},
    **{code: unicodedata.normalize("NFKC", chr(code)) for code in _LIGATURES},
    # U+0085 and the Unicode separators are line ends, a form feed is our page separator.
    0x85: "\n",
    0x2028: "\n",
    0x2029: "\n",
    0x0B: "\n",
    0x0C: "\n",
}
# Of a page's characters; half of them private is a page of symbols, and no text.
_MEANINGLESS_SHARE = 0.5
# Control, private, unassigned, surrogate.
_MEANINGLESS = frozenset({"Cc", "Co", "Cn", "Cs"})
_SOFT_BREAK = re.compile("\u00ad\r?\n")


def clean_text(text: str) -> str:
    r"""`text` with `\n` line ends, without invisible characters and blanks at line ends.

    Idempotent; never longer than twice its input.
    """
    unbroken = _SOFT_BREAK.sub("", text)
    lines = unbroken.replace("\r\n", "\n").replace("\r", "\n").translate(_TABLE)
    return "\n".join(line.rstrip(" \t") for line in lines.split("\n"))


def means_nothing(text: str) -> bool:
    """Whether most of the characters, white space and line-end marks apart, have no known meaning.

    So it is with fonts that do not say which characters their glyphs are: what comes out is control
    and private characters, and U+FFFD. False for no characters.
    """
    visible = {
        char: count
        for char, count in Counter(text).items()
        if not char.isspace() and char not in _INVISIBLE
    }
    unknown = sum(
        count
        for char, count in visible.items()
        if char == "\ufffd" or unicodedata.category(char) in _MEANINGLESS
    )
    return unknown > _MEANINGLESS_SHARE * sum(visible.values())
