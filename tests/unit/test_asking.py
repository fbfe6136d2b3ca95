from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from lectern.client import ServerError
from lectern.commands.asking import print_answer

CITATION = {"id": 1, "filename": "boats.pdf", "page": 2, "quote": "A \x1b[2Jsmall\nround boat."}
BEGUN: tuple[str, dict[str, Any]] = ("token", {"text": "A small\x1b[31m round boat. [1]"})


def printed(*events: tuple[str, dict[str, Any]]) -> str:
    out = StringIO()
    print_answer(iter(events), Console(file=out, width=30))
    return out.getvalue()


def test_an_answer_and_its_sources_cannot_command_the_terminal() -> None:
    done = {"citations": [CITATION], "degraded": ["llm_unavailable"]}
    assert printed(BEGUN, ("done", done)).splitlines() == [
        "A small[31m round boat. [1]",
        "",
        "[1] boats.pdf, page 2",
        "    “A [2Jsmall round boat.”",
        "",
        "(llm_unavailable)",
    ]


def test_sentences_without_a_source_are_named() -> None:
    unsupported = [{"text": "It \x1b[2Jfloats.", "start": 28, "end": 38}]
    done = {"citations": [CITATION], "unsupported": unsupported, "degraded": []}
    assert printed(BEGUN, ("done", done)).splitlines()[-2:] == [
        "",
        "No source says: “It [2Jfloats.”",
    ]


def test_a_withheld_answer_shows_the_nearest_passages_without_numbers() -> None:
    done = {"citations": [], "nearest": [CITATION], "degraded": []}
    assert printed(("done", done)).splitlines() == [
        "",
        "",
        "The nearest passages:",
        "",
        "boats.pdf, page 2",
        "    “A [2Jsmall round boat.”",
    ]


def test_an_answer_that_breaks_off_is_an_error() -> None:
    def events() -> Iterator[tuple[str, dict[str, Any]]]:
        yield BEGUN
        yield "error", {"error": "unavailable", "detail": "It is gone.", "hint": "Wait."}

    with pytest.raises(ServerError, match=r"It is gone\."):
        print_answer(events(), Console(file=StringIO()))
