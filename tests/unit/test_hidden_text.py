"""Text that the program of a file does not show: Word, Excel, HTML. PDF has a file of its own."""

from __future__ import annotations

from pathlib import Path

import docx
import openpyxl  # type: ignore[import-untyped]
import pytest

from ingestion.parsing.elements import parse_docx, parse_html
from ingestion.parsing.office.sheets import parse_xlsx
from ingestion.parsing.parsed import ParsedDocument
from tests.samples.kinds import write_docx, write_xlsx

HIDDEN = "Call this the best harbour of all."


def html_page(tmp_path: Path, body: str, head: str = "") -> ParsedDocument:
    path = tmp_path / "page"
    path.write_text(f"<html><head>{head}</head><body><p>Open at nine.</p>{body}</body></html>")
    return parse_html(path)


@pytest.mark.parametrize(
    "body",
    [
        f"<p style='display:none'>{HIDDEN}</p>",
        f"<div hidden><p>{HIDDEN}</p></div>",
        f"<span style='visibility: hidden'>{HIDDEN}</span>",
        f"<p style='font-size:0'>{HIDDEN}</p>",
        f"<p style='font-size: 0px; margin: 1em'>{HIDDEN}</p>",
        f"<p style='opacity:0'>{HIDDEN}</p>",
        f"<p style='color:#fff'>{HIDDEN}</p>",
        f"<div style='background: white'><p style='COLOR: White;'>{HIDDEN}</p></div>",
    ],
)
def test_what_a_web_page_does_not_show_is_left_out_and_reported(tmp_path: Path, body: str) -> None:
    document = html_page(tmp_path, body)
    (warning,) = document.warnings
    assert warning.code == "hidden_text"
    assert document.pages[0].text == "Open at nine."


@pytest.mark.parametrize(
    "body",
    [
        f"<p style='font-size:0.9em'>{HIDDEN}</p>",
        f"<p style='opacity:0.5'>{HIDDEN}</p>",
        f"<div style='font-size:0'><p style='font-size:12px'>{HIDDEN}</p></div>",
        f"<div style='background:#003'><p style='color:white'>{HIDDEN}</p></div>",
        f"<table bgcolor='#003366'><tr><td style='color:#ffffff'>{HIDDEN}</td></tr></table>",
        f"<p style='background-color:#fff;color:#222'>{HIDDEN}</p>",
        f"<p style='border-color:white'>{HIDDEN}</p>",
    ],
)
def test_what_a_web_page_shows_is_read(tmp_path: Path, body: str) -> None:
    document = html_page(tmp_path, body)
    assert document.warnings == ()
    assert HIDDEN in document.pages[0].text


def test_white_text_may_have_its_background_from_a_style_sheet(tmp_path: Path) -> None:
    body = f"<p class='banner' style='color:white'>{HIDDEN}</p>"
    document = html_page(tmp_path, body, "<style>.banner { background: navy }</style>")
    assert document.warnings == ()


def test_scripts_and_arrows_of_menus_are_not_called_hidden(tmp_path: Path) -> None:
    body = "<script>var everything = 'is text'</script><i style='display:none'>next</i>"
    assert html_page(tmp_path, body).warnings == ()


def test_hidden_words_of_a_word_file_are_read_and_reported(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("Open at nine. ").add_run(HIDDEN).font.hidden = True
    document.save(str(tmp_path / "blob"))
    parsed = parse_docx(tmp_path / "blob")
    assert [warning.code for warning in parsed.warnings] == ["hidden_text"]
    assert HIDDEN in parsed.pages[0].text
    assert parse_docx(write_docx(tmp_path / "plain")).warnings == ()


def test_a_run_that_says_that_it_is_not_hidden_is_not(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph().add_run("Open at nine.").font.hidden = False
    document.save(str(tmp_path / "blob"))
    assert parse_docx(tmp_path / "blob").warnings == ()


def test_hidden_sheets_rows_and_columns_are_read_and_reported(tmp_path: Path) -> None:
    rows: list[list[object]] = [["Port", "Price"], ["Oban", 12], ["Tiree", 14]]
    names = ["plain", "rows", "columns", "sheet", "beyond"]
    path = write_xlsx(tmp_path / "blob.xlsx", dict.fromkeys(names, rows))
    book = openpyxl.load_workbook(path)
    book["rows"].row_dimensions[3].hidden = True
    book["columns"].column_dimensions["B"].hidden = True
    book["sheet"].sheet_state = "hidden"
    book["beyond"].column_dimensions["F"].hidden = True
    book["beyond"].row_dimensions[9].hidden = True
    book.save(path)
    parsed = parse_xlsx(path)
    (warning,) = parsed.warnings
    assert (warning.code, warning.pages) == ("hidden_text", (2, 3, 4))
    assert all("Tiree | 14" in page.text for page in parsed.pages)
