from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import InvalidCollectionName
from corpus.names import MAX_FILENAME_CHARS, check_collection_name, clean_filename


@pytest.mark.parametrize("name", ["default", "a", "Team-7_x", "0" * 64])
def test_a_plain_collection_name_is_accepted(name: str) -> None:
    assert check_collection_name(name) == name


@pytest.mark.parametrize("name", ["", " ", "-a", "a b", "a/b", "é", "a" * 65, "a\n", "../x"])
def test_any_other_collection_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidCollectionName):
        check_collection_name(name)


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\report.pdf", "report.pdf"),
        ("a\x00b\r\n.pdf", "ab.pdf"),
        ("evil\u202egpj.exe", "evilgpj.exe"),
        ("Übersicht 年報.pdf", "Übersicht 年報.pdf"),
        ("", "unnamed"),
        (None, "unnamed"),
        ("..", "unnamed"),
        ("x" * 300 + ".pdf", "x" * 251 + ".pdf"),
    ],
)
def test_a_file_name_becomes_one_plain_component(given_name: str | None, shown: str) -> None:
    assert clean_filename(given_name) == shown


@given(st.text())
def test_no_file_name_keeps_a_path_or_a_control_character(name: str) -> None:
    cleaned = clean_filename(name)
    assert 1 <= len(cleaned) <= MAX_FILENAME_CHARS
    assert "/" not in cleaned
    assert "\\" not in cleaned
    assert cleaned not in {".", ".."}
    assert all(unicodedata.category(char)[0] != "C" for char in cleaned)
