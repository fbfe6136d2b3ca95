"""Is it text, and in which encoding? Looked up in the bytes alone, without a library."""

from __future__ import annotations

import codecs

# The longest first: UTF-32's little-endian mark begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Unmarked UTF-16 and UTF-32 are known by the NULs of their Latin letters, blanks and line ends:
# (encoding, bytes a unit, places in the unit that are mostly NUL).
_NUL_PATTERNS = (
    ("utf-32-le", 4, (2, 3)),
    ("utf-32-be", 4, (0, 1)),
    ("utf-16-le", 2, (1,)),
    ("utf-16-be", 2, (0,)),
)
_MOSTLY = 0.5
_TEXT_CONTROLS = "\t\n\r\f\x1b\x08"
_MAX_CONTROL_SHARE = 0.01


def unicode_encoding(data: bytes, *, whole: bool) -> str | None:
    """Python's name of the Unicode encoding `data` is in, or None when it is in none.

    `data` is a file's beginning; `whole` says that nothing follows, so that a character cut off at
    the end counts as an error. Pure ASCII is "utf-8".
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark) and _decodes(data, encoding, whole=whole):
            return encoding
    if b"\0" not in data:
        return "utf-8" if _decodes(data, "utf-8", whole=whole) else None
    for encoding, width, nul_places in _NUL_PATTERNS:
        if len(data) >= 2 * width and _is_mostly_nul(data, width, nul_places):
            return encoding if _decodes(data, encoding, whole=whole) else None
    return None


def looks_like_text(data: bytes, *, whole: bool) -> bool:
    """Whether `data` is Unicode text, or 8-bit text of some code page: no NUL, hardly a control."""
    encoding = unicode_encoding(data, whole=whole)
    if encoding is None and b"\0" in data:
        return False
    text = data.decode(encoding or "latin-1", errors="ignore")
    controls = sum(1 for char in text if char < " " and char not in _TEXT_CONTROLS)
    return controls <= _MAX_CONTROL_SHARE * len(text)


def _decodes(data: bytes, encoding: str, *, whole: bool) -> bool:
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(data, final=whole)
    except UnicodeError:
        return False
    return "\0" not in text


def _is_mostly_nul(data: bytes, width: int, places: tuple[int, ...]) -> bool:
    return all(
        data[place::width].count(0) > _MOSTLY * (len(data) / width) for place in places
    ) and any(data[place::width].count(0) == 0 for place in range(width) if place not in places)
