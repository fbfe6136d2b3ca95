import datetime as dt
from pathlib import Path

import openpyxl  # type: ignore[import-untyped]
import pytest

from corpus.errors import BrokenFile, EncryptedFile
from ingestion.parsing.office.sheets import parse_csv, parse_tsv, parse_xlsx
from ingestion.parsing.parsed import ParsedDocument
from tests.samples.kinds import write_xlsx


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "blob"
    path.write_text(text)
    return path


def lines_of(document: ParsedDocument) -> list[str]:
    return document.pages[0].text.splitlines()


def test_each_sheet_is_a_page_headed_by_its_name(tmp_path: Path) -> None:
    path = write_xlsx(
        tmp_path / "blob",
        {"Sales": [["Region", "Total"], ["East", 12], [], ["Note"]], "Empty": [], "Costs": [[7.5]]},
    )
    document = parse_xlsx(path)
    assert [page.number for page in document.pages] == [1, 2, 3]
    assert document.pages[0].text == "Sales\n\nRegion | Total\nEast | 12\n\nNote"
    assert [block.kind for block in document.pages[0].blocks] == ["heading", "table", "table"]
    assert document.pages[1].text == ""
    assert document.pages[2].text == "Costs\n\n7.5"


def test_values_read_as_excel_shows_them(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append([0.125, 0.1 + 0.2, 1e6, True, dt.datetime(2024, 2, 29), "two\nlines"])  # noqa: DTZ001
    sheet["A1"].number_format = "0.0%"
    book.save(tmp_path / "blob")
    assert lines_of(parse_xlsx(tmp_path / "blob"))[-1] == (
        "12.5% | 0.3 | 1000000 | TRUE | 2024-02-29 | two lines"
    )


def test_a_damaged_workbook_is_told_from_one_with_a_password(tmp_path: Path) -> None:
    path = tmp_path / "blob"
    path.write_bytes(b"PK\x03\x04 and nothing more")
    with pytest.raises(BrokenFile):
        parse_xlsx(path)
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    with pytest.raises(EncryptedFile):
        parse_xlsx(path)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_of_a_csv_file_is_found(tmp_path: Path, delimiter: str) -> None:
    rows = [["name", "amount"], ["Ann", "1"], ["Bob", "2"]]
    path = written(tmp_path, "\n".join(delimiter.join(row) for row in rows))
    assert lines_of(parse_csv(path)) == ["name | amount", "Ann | 1", "Bob | 2"]


def test_quoted_cells_keep_their_commas_and_empty_cells_their_place(tmp_path: Path) -> None:
    path = written(tmp_path, 'a,"b, c",,d\n"x ""y""",,,\n')
    assert lines_of(parse_csv(path)) == ["a | b, c |  | d", 'x "y"']


def test_tsv_is_parted_at_tabs_only(tmp_path: Path) -> None:
    assert lines_of(parse_tsv(written(tmp_path, "a, b\tc\n"))) == ["a, b | c"]
