"""Tables of cells: Excel workbooks, CSV and TSV, as rows "a | b | c".

Read directly instead of through `unstructured`: its Excel partitioner does not load without the
library for old `.xls` files, and it shows percentages as fractions and whole numbers as "5.0".
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import openpyxl  # type: ignore[import-untyped]
from openpyxl.utils.exceptions import InvalidFileException  # type: ignore[import-untyped]

from corpus.errors import BrokenFile, NeedsSoftware
from ingestion.parsing.archives import check_archive
from ingestion.parsing.notices import hidden_text
from ingestion.parsing.office.openxml import core_title
from ingestion.parsing.office.sheets_hidden import sheets_that_hide
from ingestion.parsing.parsed import BlockDraft, ParsedDocument, assemble
from ingestion.parsing.tables import table_draft
from ingestion.parsing.text.characters import clean_text
from ingestion.parsing.text.decoding import Decoded, decoded
from ingestion.parsing.titles import plausible_title
from ingestion.parsing.web.markup import row_text

_DELIMITERS = ",;\t|"
_SAMPLE_CHARS = 64 * 1024
_MAX_CELL_CHARS: Final = 16 * 1024 * 1024


def parse_xlsx(path: Path) -> ParsedDocument:
    """A workbook: one page a sheet, headed by its name; empty rows part tables.

    Formulas give the value Excel saved. Charts have no cells and are left out.
    """
    check_archive(path)
    try:
        # By its path, openpyxl would refuse a file that is not named .xlsx.
        book = openpyxl.load_workbook(io.BytesIO(path.read_bytes()), read_only=True, data_only=True)
    except (InvalidFileException, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise BrokenFile("This workbook is damaged: it cannot be opened.") from error
    try:
        pages = []
        for number, sheet in enumerate(book.worksheets, start=1):
            # Some programs write a wrong size, at which reading would stop.
            sheet.reset_dimensions()
            rows = ([_shown(cell) for cell in row] for row in sheet.iter_rows())
            pages.append((number, _sheet_drafts(sheet.title, rows)))
    finally:
        book.close()
    hiding = sheets_that_hide(path)
    return assemble(
        pages,
        title=plausible_title(core_title(path)),
        warnings=(hidden_text("stands in hidden sheets, rows or columns", hiding),)[: len(hiding)],
    )


def parse_xls(path: Path) -> ParsedDocument:
    """A workbook of Excel 97 to 2003. Raises `NeedsSoftware` where `xlrd` is not installed."""
    try:
        import xlrd  # type: ignore[import-untyped] # noqa: PLC0415 - optional
    except ImportError as error:
        raise NeedsSoftware(
            "Reading an .xls workbook needs the Python package xlrd.",
            hint="Save the workbook as .xlsx and upload that, or install xlrd on the server.",
        ) from error
    try:
        book = xlrd.open_workbook(str(path))
    except xlrd.XLRDError as error:
        raise BrokenFile("This workbook is damaged or encrypted: it cannot be opened.") from error
    pages = []
    for number, sheet in enumerate(book.sheets(), start=1):
        rows = (
            [_shown_xls(xlrd, book, cell) for cell in sheet.row(index)]
            for index in range(sheet.nrows)
        )
        pages.append((number, _sheet_drafts(sheet.name, rows)))
    return assemble(pages)


def parse_csv(path: Path) -> ParsedDocument:
    """Comma-, semicolon-, tab- or bar-separated values, whichever parts them most evenly."""
    read = decoded(path.read_bytes())
    return _delimited(read, _delimiter(read.text[:_SAMPLE_CHARS]))


def parse_tsv(path: Path) -> ParsedDocument:
    """Tab-separated values."""
    return _delimited(decoded(path.read_bytes()), "\t")


def _delimited(read: Decoded, delimiter: str) -> ParsedDocument:
    csv.field_size_limit(_MAX_CELL_CHARS)
    try:
        rows = [
            row_text(row)
            for row in csv.reader(io.StringIO(clean_text(read.text)), delimiter=delimiter)
        ]
    except csv.Error as error:
        raise BrokenFile("This table is damaged: a cell in it has no end.") from error
    return assemble([(1, _table_drafts(rows))], warnings=read.warnings)


def _delimiter(sample: str) -> str:
    """The delimiter found in the most lines, then the most often; a comma when there is none."""
    lines = [line for line in sample.splitlines() if line.strip()]
    return max(
        _DELIMITERS, key=lambda char: (sum(char in line for line in lines), sample.count(char))
    )


def _sheet_drafts(name: str, rows: Iterable[list[str]]) -> list[BlockDraft]:
    drafts = _table_drafts(clean_text(row_text(row)) for row in rows)
    return [BlockDraft(kind="heading", text=name, level=1), *drafts] if drafts else []


def _table_drafts(rows: Iterable[str]) -> list[BlockDraft]:
    """Runs of rows with text, each one block; one without a header goes on under the last."""
    drafts: list[BlockDraft] = []
    header = ""
    for filled, run in groupby(rows, key=bool):
        if filled:
            draft = table_draft("\n".join(run), inherited=header)
            header = draft.header or header
            drafts.append(draft)
    return drafts


def _shown(cell: Any) -> str:  # noqa: ANN401 - openpyxl's cells have no common type
    return _value_text(cell.value, getattr(cell, "number_format", "") or "")


def _shown_xls(xlrd: Any, book: Any, cell: Any) -> str:  # noqa: ANN401 - xlrd has no types
    if cell.ctype == xlrd.XL_CELL_DATE:
        return _value_text(xlrd.xldate_as_datetime(cell.value, book.datemode), "")
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return _value_text(bool(cell.value), "")
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return ""
    return _value_text(cell.value, "")


def _value_text(value: object, number_format: str) -> str:
    """A cell's value near to how Excel shows it: percentages, whole numbers, ISO dates."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date().isoformat()
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, int | float) and number_format.rstrip().endswith("%"):
        decimals = number_format.partition(".")[2].count("0")
        return f"{value * 100:.{decimals}f}%"
    # 15 significant digits are what Excel keeps: without the tail of binary fractions.
    return f"{value:.15g}" if isinstance(value, float) else str(value)
