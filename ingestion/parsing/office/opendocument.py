"""OpenDocument text (`.odt`): headings, paragraphs, lists and tables in order, as one page.

`unstructured` reads it through pandoc only; the format is plain enough to read directly.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

from lxml import etree  # type: ignore[import-untyped]

from corpus.errors import BrokenFile
from ingestion.parsing.archives import check_archive
from ingestion.parsing.office.openxml import xml_root
from ingestion.parsing.parsed import BlockDraft, ParsedDocument, assemble
from ingestion.parsing.tables import table_draft
from ingestion.parsing.text.characters import clean_text
from ingestion.parsing.titles import plausible_title
from ingestion.parsing.web.markup import row_text

_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_DC_TITLE = "{http://purl.org/dc/elements/1.1/}title"
_BLANKS = {f"{_TEXT}s": " ", f"{_TEXT}tab": "\t", f"{_TEXT}line-break": "\n"}
# Deleted text of change tracking, and what fields of a form would show.
_UNSEEN = frozenset({f"{_TEXT}tracked-changes", f"{_OFFICE}annotation", f"{_OFFICE}forms"})


def parse_odt(path: Path) -> ParsedDocument:
    """Raises `BrokenFile` when the content cannot be read, `EncryptedFile` under a password."""
    check_archive(path)
    try:
        with zipfile.ZipFile(path) as archive:
            content = xml_root(archive.read("content.xml"))
            names = archive.namelist()
            meta = xml_root(archive.read("meta.xml")) if "meta.xml" in names else None
    except (KeyError, etree.XMLSyntaxError, zipfile.BadZipFile) as error:
        raise BrokenFile("This document is damaged: its content cannot be read.") from error
    body = content.find(f".//{_OFFICE}text")
    drafts = [] if body is None else list(_drafts(body, in_list=False))
    title = None if meta is None else meta.findtext(f".//{_DC_TITLE}")
    return assemble([(1, drafts)], title=plausible_title(title))


def _drafts(parent: etree._Element, *, in_list: bool) -> Iterator[BlockDraft]:
    for element in parent.iterchildren(etree.Element):
        if element.tag in _UNSEEN:
            continue
        if element.tag == f"{_TEXT}h":
            level = element.get(f"{_TEXT}outline-level", "1")
            text = " ".join(_content(element).split())
            yield BlockDraft(kind="heading", text=text, level=int(level) if level.isdigit() else 1)
        elif element.tag == f"{_TEXT}p":
            yield BlockDraft(kind="list" if in_list else "text", text=clean_text(_content(element)))
        elif element.tag == f"{_TABLE}table":
            yield table_draft(clean_text(_table(element)))
        else:
            yield from _drafts(element, in_list=in_list or element.tag == f"{_TEXT}list")


def _table(table: etree._Element) -> str:
    rows = (
        row_text([_content(cell) for cell in row.iterchildren(f"{_TABLE}table-cell")])
        for row in table.iter(f"{_TABLE}table-row")
    )
    return "\n".join(row for row in rows if row)


def _content(element: etree._Element) -> str:
    """The text a reader sees, with the blanks that the format spells as elements."""
    parts = [element.text or ""]
    for child in element.iterchildren(etree.Element):
        if child.tag not in _UNSEEN:
            count = int(child.get(f"{_TEXT}c", "1")) if child.tag == f"{_TEXT}s" else 1
            parts.append(
                _BLANKS[child.tag] * min(count, 64) if child.tag in _BLANKS else _content(child)
            )
            parts.append("\n" * (child.tag == f"{_TEXT}p"))
        parts.append(child.tail or "")
    return "".join(parts)
