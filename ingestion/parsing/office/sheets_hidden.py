"""Which sheets of an Excel workbook have cells that it does not show.

openpyxl's read-only mode, which holds a large workbook in little memory, does not tell; so the
parts of the file are searched for the marks.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from lxml import etree  # type: ignore[import-untyped]

from ingestion.parsing.office.openxml import xml_root

_WORKBOOK = "xl/workbook.xml"
_RELATIONS = "xl/_rels/workbook.xml.rels"
_RELATION_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_HIDDEN = rb'\bhidden="(?:1|true)"'
_HIDDEN_ROW = re.compile(rb"<(?:\w+:)?row\b[^<>]{0,400}" + _HIDDEN + rb"[^<>]{0,400}(?<!/)>")
_ROW_END = re.compile(rb"</(?:\w+:)?row>")
_COLUMN = re.compile(rb"<(?:\w+:)?col\b[^<>]{0,400}" + _HIDDEN + rb"[^<>]{0,400}>")
_NUMBERS = re.compile(rb'\b(min|max)="(\d+)"')
# Attributes are bounded, so that nothing that looks like a tag takes quadratic time.
# A cell with something in it: a value, or a text of its own.
_CELL = re.compile(
    rb'<(?:\w+:)?c\b[^<>]{0,400}\br="([A-Z]{1,3})\d+"[^<>]{0,400}(?<!/)>\s*<(?:\w+:)?(?:v|f|is)\b'
)
_VALUE = re.compile(rb"<(?:\w+:)?(?:v|is)\b")


def sheets_that_hide(path: Path) -> list[int]:
    """Numbers, from 1, of worksheets that are hidden, or have filled rows or columns that are.

    Empty for a workbook whose parts are not where they belong.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return [
                number
                for number, (state, member) in enumerate(_worksheets(archive), start=1)
                if state != "visible" or _hides_cells(archive.read(member))
            ]
    except (KeyError, etree.XMLSyntaxError, zipfile.BadZipFile):
        return []


def _worksheets(archive: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    """State and member of each worksheet, in the workbook's order; charts are none."""
    targets = {
        relation.get("Id"): relation.get("Target", "")
        for relation in xml_root(archive.read(_RELATIONS))
        if relation.get("Type", "").endswith("/worksheet")
    }
    for sheet in xml_root(archive.read(_WORKBOOK)).iterfind(".//{*}sheets/{*}sheet"):
        target = targets.get(sheet.get(_RELATION_ID))
        if target is not None:
            member = posixpath.normpath(posixpath.join("/xl", target)).lstrip("/")
            yield sheet.get("state", "visible"), member


def _hides_cells(sheet_xml: bytes) -> bool:
    return _hides_rows(sheet_xml) or _hides_columns(sheet_xml)


def _hides_rows(sheet_xml: bytes) -> bool:
    looked_at = 0
    for row in _HIDDEN_ROW.finditer(sheet_xml):
        if row.start() >= looked_at:
            end = _ROW_END.search(sheet_xml, row.end())
            looked_at = end.start() if end else len(sheet_xml)
            if _VALUE.search(sheet_xml, row.end(), looked_at):
                return True
    return False


def _hides_columns(sheet_xml: bytes) -> bool:
    hidden: list[tuple[int, int]] = []
    for column in _COLUMN.findall(sheet_xml):
        limits = {name: int(number) for name, number in _NUMBERS.findall(column)}
        if len(limits) == 2:
            hidden.append((limits[b"min"], limits[b"max"]))
    if not hidden:
        return False
    filled = {_column_number(letters) for letters in set(_CELL.findall(sheet_xml))}
    return any(first <= column <= last for column in filled for first, last in hidden)


def _column_number(letters: bytes) -> int:
    """1 for A, 27 for AA."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number
