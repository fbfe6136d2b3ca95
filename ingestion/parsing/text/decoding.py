"""Bytes to text: Unicode when it is, the declared encoding when it fits, else the best guess.

What had to be mended on the way is told to people (`encoding_repaired`).
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from charset_normalizer import from_bytes

from corpus.kinds.encodings import unicode_encoding
from corpus.reports import ReadingWarning
from ingestion.parsing.text.mojibake import mended

_WINDOWS = "cp1252"
_READ_AS_WINDOWS = frozenset({"iso8859-1", "ascii"})
# Control characters in Latin-1, which no text has; quotes and dashes in Windows-1252.
_C1 = re.compile(rb"[\x80-\x9f]")
_REPLACEMENT = "\ufffd".encode()
_GUESS_FROM_BYTES = 128 * 1024
# In the languages written with Latin letters, those beyond ASCII stand alone between the others; in
# Cyrillic, Greek, Arabic or East Asian text they come in runs. On a few accents charset_normalizer
# finds Hebrew or Arabic, so it is asked about runs only.
_RUN = re.compile(rb"[\x80-\xff]+")
_LATIN_MEAN_RUN = 2.0
_LATIN_CODE_PAGES = ["cp1250", "cp1254", "cp1257"]
# Signs inside words, or "¹", "³", "¿" after three letters, are what letters of other Latin code
# pages look like in cp1252. In Polish they are two fifths of what is beyond ASCII; in Western text
# some are footnotes and units.
_MISREAD = re.compile(r"(?<=[^\W\d_])[¡-©«-´¶¸¹»-¿](?=[^\W\d_])|(?<=[^\W\d_]{3})[¹³¿]")
_MISREAD_SHARE = 0.15
_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_.:-]+)""", re.IGNORECASE)
_DECLARED_WITHIN_BYTES = 2048


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text without a byte order mark, and at most one warning of how it came about."""

    text: str
    warnings: tuple[ReadingWarning, ...] = ()


def decode_text(data: bytes, *, declared: str | None = None) -> str:
    """The text of `decoded`, for those who have no one to tell."""
    return decoded(data, declared=declared).text


def decoded(data: bytes, *, declared: str | None = None) -> Decoded:
    """The text in `data`.

    Bytes that are valid Unicode are read so whatever is declared: mail and web pages declare
    wrongly more often than other encodings happen to be valid UTF-8. Latin-1 is read as
    Windows-1252, as browsers do (WHATWG Encoding Standard, section 4.2).
    """
    encoding = unicode_encoding(data, whole=True)
    repairs: list[str] = []
    if encoding is None and declared is not None:
        encoding = _fitting(data, declared)
        if encoding is None:
            repairs.append(f"the file says that it is {declared[:40]}, and is not")
        elif encoding == _WINDOWS and _C1.search(data):
            repairs.append(f"the file says that it is {declared[:40]}, and is Windows-1252")
    if encoding is None:
        encoding = _guess(data)
    text = data.decode(encoding, errors="replace").removeprefix("\ufeff")
    lost = text.count("\ufffd") - data.count(_REPLACEMENT)
    if lost > 0:
        repairs.append(f"{lost} bytes are no characters in {encoding}, its likely encoding")
    text, mends = mended(text)
    if mends:
        repairs.append(f"{mends} characters had been stored in a wrong encoding")
    return Decoded(text, _warnings(repairs))


def _warnings(repairs: list[str]) -> tuple[ReadingWarning, ...]:
    if not repairs:
        return ()
    detail = f"The encoding was repaired: {'; '.join(repairs)}."
    return (ReadingWarning("encoding_repaired", detail),)


def declared_encoding(markup: bytes) -> str | None:
    """What an HTML or XML file says its encoding is."""
    match = _DECLARED.search(markup[:_DECLARED_WITHIN_BYTES])
    return match[1].decode("ascii") if match else None


def _fitting(data: bytes, declared: str) -> str | None:
    """What to read a file as that declares this; None when that cannot be."""
    try:
        name = codecs.lookup(declared).name
        encoding = _WINDOWS if name in _READ_AS_WINDOWS else name
        data.decode(encoding)
    except (LookupError, ValueError):
        return None
    return encoding


def _guess(data: bytes) -> str:
    sample = data[:_GUESS_FROM_BYTES]
    runs = [len(run) for run in _RUN.findall(sample)]
    if sum(runs) >= _LATIN_MEAN_RUN * len(runs):
        return _best(sample, None)
    misread = len(_MISREAD.findall(sample.decode("cp1252", errors="replace")))
    if misread > _MISREAD_SHARE * sum(runs):
        return _best(sample, _LATIN_CODE_PAGES)
    return "cp1252"


def _best(sample: bytes, among: list[str] | None) -> str:
    best = from_bytes(sample, cp_isolation=among).best()
    return best.encoding if best else "cp1252"
