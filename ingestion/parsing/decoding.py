"""Bytes to text: Unicode when it is, the declared encoding when it fits, else the best guess."""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

from corpus.encodings import unicode_encoding

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


def decode_text(data: bytes, *, declared: str | None = None) -> str:
    """The text in `data`, without a byte order mark.

    Bytes that are valid Unicode are read so whatever is declared: mail and web pages declare
    wrongly more often than other encodings happen to be valid UTF-8.
    """
    encoding = unicode_encoding(data, whole=True)
    if encoding is None and declared is not None and _fits(data, declared):
        encoding = declared
    if encoding is None:
        encoding = _guess(data)
    return data.decode(encoding, errors="replace").removeprefix("\ufeff")


def declared_encoding(markup: bytes) -> str | None:
    """What an HTML or XML file says its encoding is."""
    match = _DECLARED.search(markup[:_DECLARED_WITHIN_BYTES])
    return match[1].decode("ascii") if match else None


def _fits(data: bytes, encoding: str) -> bool:
    try:
        codecs.lookup(encoding)
        data.decode(encoding)
    except (LookupError, ValueError):
        return False
    return True


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
