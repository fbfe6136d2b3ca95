from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.slack.elements import text_of
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
        ("## Its **weight** then ##", [("Its weight then", "bold")]),
        ("my_file_name, 2 * 3 * 4, ** and ~", [("my_file_name, 2 * 3 * 4, ** and ~", "")]),
        (r"\*kept\* as \_it\_ is", [("*kept* as _it_ is", "")]),
        ("[the page](https://evil.example/x)", [("the page (https://evil.example/x)", "")]),
        ("<!channel> <@U1> &amp;", [("<!channel> <@U1> &amp;", "")]),
        ("one\ntwo\n\n\nthree", [("one\ntwo\n\nthree", "")]),
        ("# One\ntwo", [("One", "bold"), ("\n\ntwo", "")]),
        ("<https://a.example/?b> <b>", [("https://a.example/?b <b>", "")]),
        ("<me@a.example>", [("me@a.example", "")]),
        ("[https://a.example](https://a.example)", [("https://a.example", "")]),
        ("![its *mast*](https://a.example/m)", [("its *mast* (https://a.example/m)", "")]),
        ("[go](javascript:x)", [("[go](javascript:x)", "")]),
        ("It slips [1].\n\n[1]: anchor.txt", [("It slips [1].\n\n[1]: anchor.txt", "")]),
        ("one\n\n***\n\ntwo", [("one\n\n———\n\ntwo", "")]),
        ("", [("…", "")]),
    ],
)
def test_words_are_styled_as_they_were_meant(markdown: str, shown: list[tuple[str, str]]) -> None:
    assert inline(markdown) == shown


def test_lists_quotes_code_and_tables_are_what_slack_has_for_them() -> None:
    said = (
        "Two:\n- a\n\n- **b**\n\n  2. c\n  3. d\n> it\n> says\n```python\n- x\n\n```\n"
        "| x | y |\n| - | - |\n| 1 | 2 |\n\nEnd"
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
    assert table["elements"] == [text("| x | y |\n| - | - |\n| 1 | 2 |")]


def lists(markdown: str) -> list[tuple[int, int | None, list[str]]]:
    """Of each list how deep it is, what it counts from, and its items."""
    return [
        (one["indent"], one.get("offset"), [text_of(item) for item in one["elements"]])
        for one in elements(markdown)
        if one["type"] == "rich_text_list"
    ]


def test_lists_count_as_they_were_written() -> None:
    assert lists("0. a\n1. b") == [(0, 0, ["a", "b"])]
    assert lists("7. a\n\n   more of it\n\n8. b") == [(0, 6, ["a\n\nmore of it", "b"])]
    # What stands between is no item, and the list goes on behind it.
    between = (
        "1. a\n   ```\n   x\n   ```\n   then\n2. b\n   - deep\n\n   late\n3. ```\n   y\n   ```"
    )
    assert lists(between) == [
        (0, 0, ["a"]),
        (0, 1, ["b"]),
        (1, None, ["deep"]),
        (0, 2, [" "]),
    ]
    assert "then" in str(elements(between))
    assert "late" in str(elements(between))
    assert lists("1. a\n\n1) b") == [(0, 0, ["a"]), (0, 0, ["b"])]
    assert lists("- a\n-\n- b") == [(0, None, ["a", " ", "b"])]


def test_a_list_in_a_quote_has_its_line_at_the_side() -> None:
    quote, quoted, listed = elements("> a\n> - b\n\n- c")
    assert quote["type"] == "rich_text_quote"
    assert (quoted["border"], "border" in listed) == (1, False)


def test_an_item_that_is_cut_has_its_number_once() -> None:
    pieces = rich_pieces("4. " + "word " * 1_000 + "\n5. next")
    found = [one for piece in pieces for one in piece.block["elements"]]
    assert [one.get("offset") for one in found] == [3, None, 4]


@pytest.mark.parametrize(
    "markdown",
    [
        "> " * 300 + "deep",
        "- " * 300 + "deep",
        "\n".join("  " * depth + "- deep" for depth in range(120)),
        "[" * 300 + "deep" + "](https://a.example)" * 300,
        "*" * 300 + "deep" + "*" * 300,
        "`" * 1_500 + "deep" + "`" * 1_501,
    ],
)
def test_what_is_nested_however_deep_is_shown_whole(markdown: str) -> None:
    shown = "".join(one.text for one in rich_pieces(markdown))
    assert shown.count("deep") == markdown.count("deep")


@given(st.text("ab \n*_~`[]()#>|-1.\\<!@", max_size=400))
def test_whatever_was_written_slack_takes_it(markdown: str) -> None:
    for piece in rich_pieces(markdown):
        assert list(broken_rules([piece.block])) == []
        assert '"text": ""' not in json.dumps(piece.block)


@given(st.text("ab \n1.*_#>|-[]()!\\", max_size=200), st.integers(1, 60))
def test_nothing_of_a_long_answer_is_lost(some: str, times: int) -> None:
    written = f"{some} " * times
    pieces = rich_pieces(written)
    words = re.compile("[ab]+")
    assert "".join(words.findall("".join(one.text for one in pieces))) == "".join(
        words.findall(written)
    )
    assert all(len(one.text) <= MAX_BLOCK_CHARS for one in pieces)


def test_one_line_without_an_end_is_cut_at_words() -> None:
    pieces = rich_pieces("word " * 2_000)
    assert "".join(one.text for one in pieces) == ("word " * 2_000).rstrip()
    assert len(pieces) == 4
