from __future__ import annotations

import pytest

from service.answering.quoting.fragments import ends_as_statement, is_statement


@pytest.mark.parametrize(
    "text",
    [
        "The lamp is lit at dusk.",
        'He said: "Never again!"',
        "the wifi password is swordfish.",
        "It rose to 5 % (see page 3.)",
        "Der Turm wurde 1868 gebaut.",
        "灯塔建于1868年。",
        "بنيت المنارة سنة ١٨٦٨.",
    ],
)
def test_a_statement_ends_as_one(text: str) -> None:
    assert is_statement(text)


@pytest.mark.parametrize(
    "text",
    [
        "Skerry Point Lighthouse",
        "PEPSICO, INC., as Borrower,",
        "Date: May 30, 2023 PepsiCo, Inc.",
        "The changes were as follows:",
        "Who built the lighthouse?",
        "谁建造了灯塔？",
        "Lamp oil 1,200 litres 300 litres",
        "1,250.",
        "",
    ],
)
def test_headings_rows_questions_and_lines_of_a_form_are_none(text: str) -> None:
    assert not is_statement(text)


def test_capitals_may_still_end_as_a_statement() -> None:
    assert ends_as_statement("SMOKING IS FORBIDDEN IN THE SHED.")
