"""Texts that are too long in one way, and bytes that are no text although they begin like it."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from functools import partial

from bench.hostile.cases import Case

_MB = 1 << 20

_MARKS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
    "utf-7": b"+/v8-",
    "utf-1": b"\xf7\x64\x4c",
    "utf-ebcdic": b"\xdd\x73\x66\x73",
    "scsu": b"\x0e\xfe\xff",
    "bocu-1": b"\xfb\xee\x28",
    "gb18030": b"\x84\x31\x95\x33",
}


def cases() -> Iterator[Case]:
    """All of them."""
    for name, mark in _MARKS.items():
        yield Case(f"mark-of-{name}-alone.txt", partial(bytes, mark))
        yield Case(f"mark-of-{name}-then-ascii.txt", partial(_after, mark, b"Some plain words. "))
        yield Case(f"mark-of-{name}-then-odd-bytes.txt", partial(_after, mark, b"\xd8\x00\xdc" * 9))
        yield Case(f"mark-of-{name}-twice.csv", partial(_after, mark + mark, b"a,b\n1,2\n"))
    for kind in ("txt", "md", "html", "json", "xml", "csv", "py", "rst", "org", "rtf", "eml"):
        start = _START.get(kind, b"")
        yield Case(f"nul-bytes.{kind}", partial(_after, start, b"a\0b\0" * 5_000))
        yield Case(f"only-nul-bytes.{kind}", partial(bytes, 100_000))
        yield Case(f"word-of-5-mb.{kind}", partial(_after, start, b"w" * (5 * _MB)), heavy=True)
        yield Case(f"line-of-5-mb.{kind}", partial(_after, start, b"ab " * (2 * _MB)), heavy=True)
        yield Case(f"only-blanks.{kind}", partial(_after, start, b" \t\r\n" * 100_000))
        yield Case(f"bytes-without-order.{kind}", partial(_after, start, _noise()))
    yield Case("word-of-50-mb.txt", lambda: b"w" * (50 * _MB), heavy=True)
    yield Case("line-of-50-mb.txt", lambda: b"one word " * (50 * _MB // 9), heavy=True)
    yield Case("million-blank-lines.txt", lambda: b"x" + b"\n" * 1_000_000 + b"y")
    yield Case("million-form-feeds.txt", lambda: b"x\f" * 1_000_000, heavy=True)
    yield Case("million-paragraphs.txt", lambda: b"x\n\n" * 1_000_000, heavy=True)
    yield Case("full-stops.txt", lambda: b"Yes? No! . . . " * 100_000, heavy=True)
    yield Case("abbreviations.txt", lambda: b"e.g. i.e. U.S. Mr. A. B. C. " * 50_000, heavy=True)
    yield Case("accents-on-one-letter.txt", partial(_text, "a" + "\u0301" * 500_000))
    yield Case("direction-overrides.txt", partial(_text, "\u202ewords\u202c\u2066\u2069" * 9_999))
    yield Case("joiners.txt", partial(_text, "\u200d\u200b\ufeff\u00ad" * 99_999 + "x"))
    yield Case("line-separators.txt", partial(_text, "x\u2028y\u2029\u0085" * 99_999))
    yield Case("surrogates.txt", lambda: b"\xed\xa0\x80\xed\xb0\x80words " * 9_999)
    yield Case("surrogates.json", lambda: b'{"a": "' + b"\\ud800\\udc00\\udfff" * 9_999 + b'"}')
    yield Case("private-use.txt", lambda: "".join(map(chr, range(0xE000, 0xF8FF))).encode())
    yield Case("every-character.txt", _every_character)
    yield Case("escape-sequences.txt", lambda: b"\x1b[2J\x1b]0;title\x07\x1b[31mwords " * 9_999)
    yield Case("columns-a-million.csv", lambda: b"a," * 1_000_000 + b"\n1,2\n", heavy=True)
    yield Case("quote-never-closed.csv", lambda: b'a,b\n"' + b"x,y\n" * (4 * _MB), heavy=True)
    yield Case("quotes.csv", lambda: b'"' * _MB)
    yield Case("rows-a-million.csv", lambda: b"a,b,c\n" * 1_000_000, heavy=True)
    yield Case("delimiters.tsv", lambda: b"\t" * (5 * _MB))
    yield Case("signature-of-an-ole-file.doc", lambda: _OLE + bytes(504))
    yield Case("ole-that-points-at-itself.xls", _ole_loop)
    yield Case("ole-that-points-at-itself.msg", _ole_loop)
    yield Case("ole-of-noise.msg", lambda: _OLE + _noise() * 20)


_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_START = {
    "html": b"<html><body><p>",
    "json": b'{"a": "',
    "xml": b"<?xml version='1.0'?><a>",
    "md": b"# Heading\n\n",
    "csv": b"a,b\n1,",
    "rtf": b"{\\rtf1 ",
    "eml": b"From: a@example.org\nDate: Mon, 1 Jan 2024 00:00:00 +0000\nSubject: x\n\n",
}


def _after(start: bytes, rest: bytes) -> bytes:
    return start + rest


def _text(text: str) -> bytes:
    return text.encode()


def _noise() -> bytes:
    """Bytes that look random and are the same every time."""
    state, out = 1, bytearray()
    for _ in range(20_000):
        state = (state * 1_103_515_245 + 12_345) % (1 << 31)
        out.append(state >> 16 & 0xFF)
    return bytes(out)


def _every_character() -> bytes:
    return "".join(chr(n) for n in range(0x110000) if not 0xD800 <= n <= 0xDFFF).encode()


def _ole_loop() -> bytes:
    header = bytearray(_OLE + bytes(504))
    header[24:34] = b"\x3e\x00\x03\x00\xfe\xff\x09\x00\x06\x00"
    header[44:48] = (1).to_bytes(4, "little")  # one sector of the allocation table
    header[56:60] = (4096).to_bytes(4, "little")
    header[76:512] = b"\0\0\0\0" + b"\xff" * 432
    # Every sector, those of the table and of the directory included, is followed by sector 0.
    return bytes(header) + bytes(512) * 8
