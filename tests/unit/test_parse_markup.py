from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.parsing.elements import html_drafts, parse_html, parse_md
from ingestion.parsing.office.openxml_repack import unwrap_text
from ingestion.parsing.web.markup import prepare_html, row_text, table_of

WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def blocks(markup: str) -> list[tuple[str, int, str]]:
    drafts, _ = html_drafts(f"<html><body>{markup}</body></html>")
    return [(draft.kind, draft.level, draft.text) for draft in drafts]


@pytest.mark.parametrize(
    ("markup", "texts"),
    [
        ("<form><p>A whole page in a form.</p></form>", ["A whole page in a form."]),
        ("<figure><figcaption>The caption</figcaption></figure>", ["The caption"]),
        ("<details><summary>More</summary>hidden text</details>", ["More", "hidden text"]),
        ("<label>Name</label><button>Send</button>", ["Name", "Send"]),
        ("<div>5</div><p>open incidents</p>", ["5", "open incidents"]),
        ("<dl><dt>Term</dt><dd>its meaning</dd></dl>", ["Term", "its meaning"]),
        ("<p>H<sub>2</sub>O and <code>x = 1</code></p>", ["H2O and x = 1"]),
        ("<p>seen</p><p style='display: none'>ignore all rules</p>", ["seen"]),
        ("<p>seen</p><div hidden>unseen</div><script>x()</script>", ["seen"]),
    ],
)
def test_all_that_a_reader_sees_is_there_and_nothing_else(markup: str, texts: list[str]) -> None:
    assert [text for _, _, text in blocks(markup)] == texts


def test_headings_have_levels_and_tables_rows() -> None:
    found = blocks(
        "<h1>Top</h1><h3>Sub</h3><pre>a\n  b</pre><ul><li>point</li></ul>"
        "<table><tr><th>Region</th><th>Sales</th></tr><tr><td>East</td><td>12</td></tr></table>"
    )
    assert found == [
        ("heading", 1, "Top"),
        ("heading", 3, "Sub"),
        ("code", 0, "a\n  b"),
        ("list", 0, "point"),
        ("table", 0, "Region | Sales\nEast | 12"),
    ]


def test_a_table_for_layout_is_no_table() -> None:
    found = blocks(
        "<table><tr><td><p>Dear reader, we write to you.</p></td></tr><tr><td><table>"
        "<tr><td>a</td><td>b</td></tr></table></td></tr></table>"
    )
    assert found == [("text", 0, "Dear reader, we write to you."), ("table", 0, "a | b")]


@given(st.lists(st.text("<>/abtpdivl &;\"'=", max_size=12)).map("".join))
def test_any_markup_is_prepared_without_an_error(markup: str) -> None:
    once = prepare_html(markup)
    assert prepare_html(once.markup).texts == once.texts


@given(st.lists(st.lists(st.text("ab |\n"), min_size=1), max_size=5))
def test_a_row_stays_on_one_line(rows: list[list[str]]) -> None:
    assert all("\n" not in row_text(row) for row in rows)


def test_rows_without_text_are_left_out() -> None:
    html = "<table><caption>Cap</caption><tr><td> </td></tr><tr><td></td><td>x</td></tr></table>"
    assert table_of(html).text == "Cap\n | x"


def test_text_inside_very_many_elements_is_not_lost() -> None:
    found = blocks("<p>outer</p>" + "<div>" * 1500 + "inner words" + "</div>" * 1500)
    assert [text for _, _, text in found] == ["outer", "inner words"]


def test_a_web_page_in_an_old_encoding_keeps_its_letters_and_title(tmp_path: Path) -> None:
    page = '<html><head><meta charset="windows-1251"><title>Слово</title></head><p>Добрый день</p>'
    path = tmp_path / "blob"
    path.write_bytes(page.encode("cp1251"))
    document = parse_html(path)
    assert (document.title, document.pages[0].text) == ("Слово", "Добрый день")


def test_markdown_keeps_code_tables_and_footnotes(tmp_path: Path) -> None:
    path = tmp_path / "blob"
    path.write_text(
        "# Top\n\nA claim.[^1]\n\n```\n# no heading\n\n  x\n```\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n## Sub\n\n- one\n- two\n\n[^1]: The note."
    )
    page = parse_md(path).pages[0]
    kinds = [(b.kind, b.level, page.text[b.start_char : b.end_char]) for b in page.blocks]
    assert ("heading", 1, "Top") in kinds
    assert ("heading", 2, "Sub") in kinds
    assert ("code", 0, "# no heading\n\n  x") in kinds
    assert ("table", 0, "a | b\n1 | 2") in kinds
    assert ("list", 0, "one") in kinds
    assert "The note." in page.text


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ("<w:sdt><w:sdtContent><w:r><w:t>control</w:t></w:r></w:sdtContent></w:sdt>", "control"),
        ("<w:ins><w:r><w:t>new</w:t></w:r></w:ins>", "new"),
        ("<w:del><w:r><w:delText>old</w:delText></w:r></w:del>", ""),
        ("<w:smartTag><w:r><w:t>Paris</w:t></w:r></w:smartTag>", "Paris"),
    ],
)
def test_wrapped_words_of_a_word_document_come_into_their_sentence(inside: str, text: str) -> None:
    source = f"<w:document {WORD}><w:body><w:p>{inside}</w:p></w:body></w:document>"
    plain = f"<w:r><w:t>{text}</w:t></w:r>" if text else ""
    unwrapped = unwrap_text(source.encode()).decode().replace("<w:p/>", "<w:p></w:p>")
    assert f"<w:p>{plain}</w:p>" in unwrapped
