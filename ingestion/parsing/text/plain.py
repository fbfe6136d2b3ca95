"""Text that is its own markup: plain text, reStructuredText, Org, source code, JSON, XML, RTF.

These keep every character a person sees, in order, so nothing interprets them further: guessing
titles and list items in plain text loses bullets and finds headings that are none.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from striprtf.striprtf import rtf_to_text

from ingestion.parsing.parsed import BlockDraft, ParsedDocument, assemble
from ingestion.parsing.text.characters import clean_text
from ingestion.parsing.text.decoding import Decoded, declared_encoding, decoded
from ingestion.parsing.text.json_records import records_on_lines

_BLANK_LINES = re.compile(r"\n{2,}")
_JSON_ESCAPE = re.compile(
    r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})"
)


def parse_text(path: Path) -> ParsedDocument:
    """One block a paragraph (blank lines part them); a form feed begins a new page."""
    read = decoded(path.read_bytes())
    pages = read.text.split("\f")
    return assemble(
        ((number, paragraph_drafts(page)) for number, page in enumerate(pages, start=1)),
        warnings=read.warnings,
    )


def parse_rtf(path: Path) -> ParsedDocument:
    """The text of an RTF file, one block a paragraph; table cells of a row are parted by "|"."""
    # RTF is ASCII that names its code page; bytes beyond are in that of Windows.
    markup = path.read_bytes().decode("cp1252", errors="replace")
    text = rtf_to_text(markup, errors="replace")  # type: ignore[no-untyped-call]
    # RTF ends each paragraph with one line end, so that each line is a paragraph.
    return assemble(
        [(1, [BlockDraft(kind="text", text=line) for line in clean_text(text).split("\n")])]
    )


def parse_code(path: Path) -> ParsedDocument:
    """The file as it is, as one block of code."""
    return _one_block(decoded(path.read_bytes()))


def parse_json(path: Path) -> ParsedDocument:
    r"""JSON or NDJSON as it is, but each record on its own line, and no `\uXXXX` for a letter."""
    read = decoded(path.read_bytes())
    return _one_block(replace(read, text=records_on_lines(unescape_json(read.text))))


def parse_xml(path: Path) -> ParsedDocument:
    """XML as it is: the names of its elements say what its texts are."""
    data = path.read_bytes()
    return _one_block(decoded(data, declared=declared_encoding(data)))


def unescape_json(text: str) -> str:
    r"""`text` with its `\uXXXX` escapes of printable characters written out: the same JSON."""
    return _JSON_ESCAPE.sub(_unescape, text)


def paragraph_drafts(text: str) -> list[BlockDraft]:
    """Text parted at blank lines."""
    return [BlockDraft(kind="text", text=part) for part in _BLANK_LINES.split(clean_text(text))]


def _one_block(read: Decoded) -> ParsedDocument:
    draft = BlockDraft(kind="code", text=clean_text(read.text))
    return assemble([(1, [draft])], warnings=read.warnings)


def _unescape(match: re.Match[str]) -> str:
    high, low, single = match.groups()
    if single is None:
        return chr(0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00)
    char = chr(int(single, 16))
    # Quotes, backslashes and control characters would change what the JSON says.
    return char if char.isprintable() and char not in '"\\' else match[0]
