from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lectern.commands.listing import listing
from lectern.plain import plain

DOCUMENT = {
    "id": "6f1f6f4e-3d0b-4c9e-9f56-0d9f0a4f3a11",
    "status": "ready",
    "pages": 3,
    "chunks": 12,
    "collection": "default",
    "filename": "a name.pdf",
}
FINE = {"error": None, "waiting": None}


def test_text_cannot_command_the_terminal() -> None:
    assert plain("\x1b[2Jred\x07\r\x9b31m\x7f\n\tend") == "[2Jred31m\n\tend"


@given(st.text())
def test_plain_text_is_left_as_it_is(text: str) -> None:
    assert plain(plain(text)) == plain(text)
    if text.isprintable():
        assert plain(text) == text


def test_a_listing_keeps_ids_and_names_whole_whatever_their_length() -> None:
    long = {**DOCUMENT, **FINE, "filename": "x" * 255, "collection": "c" * 64}
    headings, *rows = listing([{**DOCUMENT, **FINE}, long])
    assert headings.split() == ["ID", "STATUS", "PAGES", "CHUNKS", "COLLECTION", "FILE"]
    assert rows[0].split(maxsplit=5) == [str(value) for value in DOCUMENT.values()]
    assert rows[1].split()[0] == DOCUMENT["id"]
    assert rows[1].endswith("  " + "x" * 255)
    assert len({row.index(name) for row, name in zip(rows, ("a name", "xxx"), strict=True)}) == 1


def test_a_listing_says_what_is_wrong() -> None:
    failed = {**DOCUMENT, "status": "failed", "error": {"code": "no_text"}, "waiting": None}
    stranded = {
        **DOCUMENT,
        "status": "queued",
        "error": None,
        "waiting": {"reason": "no_worker"},
    }
    _, *rows = listing([failed, stranded])
    assert "failed: no_text " in rows[0]
    assert "queued: no_worker " in rows[1]


def test_a_listing_of_nothing_is_its_headings() -> None:
    assert len(list(listing([]))) == 1
