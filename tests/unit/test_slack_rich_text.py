from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.slack.rich_text import MAX_BLOCK_CHARS, rich_pieces
from tests.doubles.slack_blocks import broken_rules


def elements(markdown: str) -> list[dict[str, Any]]:
    [piece] = rich_pieces(markdown)
    found: list[dict[str, Any]] = piece.block["elements"]
    return found


def inline(markdown: str) -> list[tuple[str, str]]:
    """Each text, and its styles."""
    [section] = elements(markdown)
    return [(one["text"], " ".join(one.get("style", ()))) for one in section["elements"]]


def text(said: str, **styles: bool) -> dict[str, Any]:
    return {"type": "text", "text": said} | ({"style": styles} if styles else {})


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("It weighs **90 kg** [1].", [("It weighs ", ""), ("90 kg", "bold"), (" [1].", "")]),
        (
            "__90__ *or* _so_",
            [("90", "bold"), (" ", ""), ("or", "italic"), (" ", ""), ("so", "italic")],
        ),
        ("**all *of* it**", [("all ", "bold"), ("of", "bold italic"), (" it", "bold")]),
        ("***both***", [("both", "bold italic")]),
        ("~~gone~~ `a *b*`", [("gone", "strike"), (" ", ""), ("a *b*", "code")]),
        ("## Its **weight** ##", [("Its weight", "bold")]),
        ("my_file_name, 2 * 3 * 4, ** and ~", [("my_file_name, 2 * 3 * 4, ** and ~", "")]),
        (r"\*kept\* as \_it\_ is", [("*kept* as _it_ is", "")]),
        ("[the page](https://evil.example/x)", [("the page (https://evil.example/x)", "")]),
        ("<!channel> <@U1> &amp;", [("<!channel> <@U1> &amp;", "")]),
        ("one\n\ntwo", [("one\n\ntwo", "")]),
        ("", [("…", "")]),
    ],
)
def test_words_are_styled_as_they_were_meant(markdown: str, shown: list[tuple[str, str]]) -> None:
    assert inline(markdown) == shown


def test_lists_quotes_code_and_tables_are_what_slack_has_for_them() -> None:
    said = (
        "Two:\n- a\n\n- **b**\n  2. c\n  3. d\n> it\n> says\n```python\n- x\n\n```\n| 1 | 2 |\nEnd"
    )
    found = elements(said)
    assert [one["type"].removeprefix("rich_text_") for one in found] == [
        "section",
        "list",
        "list",
        "quote",
        "preformatted",
        "preformatted",
        "section",
    ]
    bullets, numbered, quote, code, table = found[1:6]
    assert (bullets["style"], bullets["indent"]) == ("bullet", 0)
    assert [one["elements"] for one in bullets["elements"]] == [[text("a")], [text("b", bold=True)]]
    assert (numbered["style"], numbered["indent"], numbered["offset"]) == ("ordered", 1, 1)
    assert len(numbered["elements"]) == 2
    assert quote["elements"] == [text("it\nsays")]
    assert code["elements"] == [text("- x")]
    assert table["elements"] == [text("| 1 | 2 |")]


@given(st.text("ab \n*_~`[]()#>|-1.\\<!@", max_size=400))
def test_whatever_was_written_slack_takes_it(markdown: str) -> None:
    for piece in rich_pieces(markdown):
        assert list(broken_rules([piece.block])) == []
        assert '"text": ""' not in json.dumps(piece.block)


@given(st.text("ab \n1.", max_size=200), st.integers(1, 60))
def test_nothing_of_a_long_answer_is_lost(some: str, times: int) -> None:
    written = f"{some} " * times
    pieces = rich_pieces(written)
    said = "".join(one.markdown for one in pieces)
    kept = str.maketrans("", "", " \n1.…")
    assert said.translate(kept) == written.translate(kept)
    assert all(len(one.markdown) <= MAX_BLOCK_CHARS for one in pieces)


def test_one_line_without_an_end_is_cut_at_words() -> None:
    pieces = rich_pieces("word " * 2_000)
    assert "".join(one.markdown for one in pieces) == "word " * 2_000
    assert len(pieces) == 4
