import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.parsing.parsed import ParsedDocument
from ingestion.parsing.text.decoding import decode_text
from ingestion.parsing.text.plain import (
    paragraph_drafts,
    parse_code,
    parse_json,
    parse_rtf,
    parse_text,
    parse_xml,
)


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "blob"
    path.write_bytes(data)
    return path


def text_of(document: ParsedDocument) -> str:
    return "\f".join(page.text for page in document.pages)


def test_paragraphs_keep_their_bullets_and_line_breaks(tmp_path: Path) -> None:
    path = written(tmp_path, b"Title\r\n\r\n- one\r\n- two\r\n \r\n\r\nend\r\n")
    document = parse_text(path)
    assert text_of(document) == "Title\n\n- one\n- two\n\nend"
    assert [block.kind for block in document.pages[0].blocks] == ["text"] * 3


def test_a_form_feed_begins_a_page(tmp_path: Path) -> None:
    document = parse_text(written(tmp_path, b"one\n\ftwo"))
    assert [(page.number, page.text) for page in document.pages] == [(1, "one"), (2, "two")]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Le café est fermé à cinq heures", "cp1252"),
        ("“smart” quotes – dash", "cp1252"),
        ("Größe: 5 µm", "cp1252"),
        ("Wszyscy ludzie rodzą się wolni i równi w swojej godności", "cp1250"),
        ("Все люди рождаются свободными и равными", "cp1251"),
        ("すべての人間は、生まれながらにして自由であり", "shift_jis"),
        ("人人生而自由,在尊严和权利上一律平等。", "utf-16"),
        ("plain words", "utf-16-be"),
        ("слова", "utf-8-sig"),
    ],
)
def test_text_of_many_encodings_is_read(text: str, encoding: str) -> None:
    assert decode_text(text.encode(encoding)) == text


def test_a_wrong_declaration_does_not_spoil_utf_8() -> None:
    assert decode_text("café".encode(), declared="iso-8859-1") == "café"
    assert decode_text("café".encode("cp1250"), declared="no-such-encoding") == "café"


@given(st.binary())
def test_any_bytes_become_text(data: bytes) -> None:
    decode_text(data).encode("utf-8", "surrogatepass")


def test_code_and_markup_are_kept_as_they_are(tmp_path: Path) -> None:
    source = "def f():\n\n    return 1"
    assert text_of(parse_code(written(tmp_path, source.encode()))) == source
    xml = '<?xml version="1.0" encoding="cp1251"?><a>слово</a>'
    assert text_of(parse_xml(written(tmp_path, xml.encode("cp1251")))) == xml


@given(st.dictionaries(st.text(), st.text() | st.floats(allow_nan=False) | st.none()))
def test_json_says_the_same_with_its_escapes_written_out(value: dict[str, object]) -> None:
    from ingestion.parsing.text.plain import unescape_json  # noqa: PLC0415

    assert json.loads(unescape_json(json.dumps(value))) == value


def test_escaped_json_can_be_searched_for_in_its_own_script(tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps({"name": "日本 😀"}).encode())
    assert text_of(parse_json(path)) == '{"name": "日本 😀"}'


def test_rtf_gives_its_paragraphs(tmp_path: Path) -> None:
    rtf = rb"{\rtf1\ansi\ansicpg1252{\fonttbl\f0 Arial;}First \'e9t\'e9.\par Second \u8364?.\par}"
    document = parse_rtf(written(tmp_path, rtf))
    assert text_of(document) == "First été.\n\nSecond €."


@given(st.text())
def test_paragraphs_hold_every_character_that_is_seen(text: str) -> None:
    from ingestion.parsing.text.characters import clean_text  # noqa: PLC0415

    joined = "".join(draft.text for draft in paragraph_drafts(text))
    assert "".join(joined.split()) == "".join(clean_text(text).split())
