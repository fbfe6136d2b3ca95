from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.chunking.table_markup import MOST_CHARS, TableMarkup
from ingestion.parsing.parsed import ParsedPage, assemble
from ingestion.parsing.tables import cells, header_line_count, table_draft
from ingestion.parsing.web.markup import row_text, table_of

CELLS = st.sampled_from(["", "East", "Region", "12", "1,250 %", "2023", "2024-01-05", "<b>", "a|b"])
TABLES = st.lists(
    st.lists(CELLS, min_size=1, max_size=5).map(" | ".join), min_size=1, max_size=9
).map("\n".join)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Region | Sales\nEast | 12", 1),
        ("Name | City\nAnn | Oslo\nBob | Rome", 1),
        ("in millions | 2023 | 2022\nSales | 12 | 11", 1),
        ("Sales by region\nRegion | Sales\nEast | 12", 2),
        ("| Q1 |  | Q2\nRegion | Plan | Real | Plan\nEast | 1 | 2 | 3", 2),
        ("East | 12\nWest | 13", 0),
        ("2024-01-05 | Ann\n2024-01-06 | Bob", 0),
        ("Total | 2022\nMore | 2023", 0),
        ("Only | a header", 0),
        ("one cell\nanother cell\na third", 0),
    ],
)
def test_names_above_values_are_a_header(text: str, count: int) -> None:
    assert header_line_count(text.split("\n")) == count


@given(TABLES, st.integers(0, 9), st.sampled_from(["", "A | B"]))
def test_a_header_is_the_first_lines_of_its_table_or_none_of_them(
    text: str, marked: int, inherited: str
) -> None:
    draft = table_draft(text, marked_lines=marked, inherited=inherited)
    lines = text.strip().split("\n")
    own = "\n".join(lines[: draft.header_lines])
    assert draft.header == (own if draft.header_lines else draft.header)
    assert draft.header in {own, inherited}


@given(st.lists(st.sampled_from(["", "a", "a|b", "two words"]), max_size=5), st.just("last"))
def test_a_line_gives_back_its_cells(row: list[str], last: str) -> None:
    assert cells(row_text([*row, last]).strip()) == [*row, last]


def test_rows_marked_in_html_are_the_header_with_the_caption() -> None:
    draft = table_of(
        "<table><caption>Tides</caption><tr><th>1</th><th>2</th></tr>"
        "<tr><th>row</th><td>3</td></tr></table>"
    )
    assert (draft.header, draft.header_lines) == ("Tides\n1 | 2", 2)
    assert draft.text == "Tides\n1 | 2\nrow | 3"


def test_a_table_below_a_blank_row_goes_on_under_the_header_before() -> None:
    draft = table_draft("West | 13\nNorth | 14", inherited="Region | Sales")
    assert (draft.header, draft.header_lines) == ("Region | Sales", 0)
    assert table_draft("a | 1 | 2", inherited="Region | Sales").header == ""


def page_of(*texts: str) -> ParsedPage:
    (page,) = assemble([(1, [table_draft(text) for text in texts])]).pages
    return page


def test_the_markup_of_a_part_has_its_rows_under_the_header() -> None:
    page = page_of("Region | Sales\nEast | 12\nWest | <13>\nNorth | 14")
    start = page.text.index("West")
    assert TableMarkup(page).between(start, start + 3) == (
        "<table><thead><tr><th>Region</th><th>Sales</th></tr></thead><tbody>"
        "<tr><td>West</td><td>&lt;13&gt;</td></tr></tbody></table>"
    )


def test_a_part_with_two_tables_has_the_markup_of_both() -> None:
    page = page_of("Region | Sales\nEast | 12", "Port | Boats\nOban | 9")
    found = TableMarkup(page).between(0, len(page.text))
    assert found.count("<table>") == 2
    assert found.index("East") < found.index("<th>Port</th>") < found.index("Oban")


@given(st.lists(TABLES, min_size=1, max_size=3), st.data())
def test_every_row_in_a_part_is_in_its_markup_once(texts: list[str], data: st.DataObject) -> None:
    page = page_of(*texts)
    start = data.draw(st.integers(0, len(page.text)))
    end = data.draw(st.integers(start, len(page.text)))
    found = TableMarkup(page).between(start, end)
    assert found.count("<table>") == found.count("</table>") <= len(page.blocks)
    assert found.count("<td>") + found.count("<th>") == found.count("</td>") + found.count("</th>")
    assert "<b>" not in found


def test_markup_is_bounded() -> None:
    page = page_of("Name | Value\n" + "\n".join(f"row {n} | {n}" for n in range(5000)))
    found = TableMarkup(page).between(0, len(page.text))
    assert MOST_CHARS / 2 < len(found) <= MOST_CHARS
    assert found.endswith("</tbody></table>")


def test_the_markup_of_a_page_without_tables_is_empty() -> None:
    assert TableMarkup(ParsedPage(number=1, text="Sales rose.", start_char=0)).between(0, 5) == ""


def test_no_chunk_of_an_endless_row_looks_at_all_of_it() -> None:
    row = " | ".join(["cell"] * 20_000)
    draft = table_draft(f"A | B\n1 | 2\n{row}\n3 | 4")
    page = assemble([(1, [draft])]).pages[0]
    markup = TableMarkup(page)
    in_row = page.text.index("cell")
    assert "<td>1</td>" in markup.between(0, in_row + 50)
    assert markup.between(in_row + MOST_CHARS * 2, in_row + MOST_CHARS * 2 + 100) == ""
    after_row = page.text.index("3 | 4")
    assert "<td>3</td>" in markup.between(after_row, after_row + 5)
