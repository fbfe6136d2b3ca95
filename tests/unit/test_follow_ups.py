from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.conversations.follow_ups import stands_alone
from service.conversations.past import PastTurn

REVENUE = "What was the revenue of Best Buy in 2023?"


def after(asked: str, *cited: str) -> list[PastTurn]:
    return [PastTurn(asked, asked, "It was much [1].", cited)]


@pytest.mark.parametrize(
    ("last", "question", "expected"),
    [
        (REVENUE, "And the year before?", "What was the revenue of Best Buy in 2022?"),
        (REVENUE, "and in 2021?", "What was the revenue of Best Buy in 2021?"),
        (REVENUE, "2021?", "What was the revenue of Best Buy in 2021?"),
        (REVENUE, "What about the following year?", "What was the revenue of Best Buy in 2024?"),
        (REVENUE, "And Amazon?", "What was the revenue of Amazon in 2023?"),
        (
            REVENUE,
            "how about Johnson & Johnson?",
            "What was the revenue of Johnson & Johnson in 2023?",
        ),
        (REVENUE, "And for Amazon in 2020?", "What was the revenue of Amazon in 2020?"),
        ("What was Best Buy's revenue?", "And Amazon's?", "What was Amazon's revenue?"),
        (
            REVENUE,
            "How many people does it employ?",
            "How many people does Best Buy employ? (2023)",
        ),
        (REVENUE, "Who is their chief executive?", "Who is Best Buy's chief executive? (2023)"),
        (REVENUE, "And the operating margin?", "The operating margin? (Best Buy, 2023)"),
        (REVENUE, "Why?", "Why? (Best Buy, 2023)"),
        (REVENUE, "And?", REVENUE),
        (
            REVENUE,
            "What was the operating income of the company in the year before?",
            "What was the operating income of Best Buy in 2022?",
        ),
        (
            "Wie hoch war der Umsatz im Jahr 2020?",
            "Und im Vorjahr?",
            "Wie hoch war der Umsatz im Jahr 2019?",
        ),
        (
            "How high was it at Acme in 2019, 2020 and 2021?",
            "And in 2017?",
            "How high was it at Acme in 2017?",
        ),
        ("Does AI help in the MAIN plant?", "And for ML?", "Does AI help in the ML plant?"),
        (
            "Wie hoch war der Umsatz von Siemens 2023?",
            "Und bei Bosch?",
            "Wie hoch war der Umsatz von Siemens 2023? (Bosch)",
        ),
        (
            "Wie hoch war der Umsatz von Siemens 2023?",
            "Und wie viele Mitarbeiter hatte es?",
            "Wie viele Mitarbeiter hatte es? (Wie hoch war der Umsatz von Siemens 2023?)",
        ),
        ("Wie hoch war der Umsatz 2020?", "Und 2018?", "Wie hoch war der Umsatz 2018?"),
        ("2020年的收入是多少？", "那2018年呢？", "2018年的收入是多少？"),
    ],
)
def test_a_follow_up_takes_over_what_it_leaves_out(last: str, question: str, expected: str) -> None:
    assert stands_alone(question, after(last)) == expected


@pytest.mark.parametrize(
    "question",
    [
        "What is the vacation policy?",
        "Who won the Tour de France in 1998?",
        "What does the IT department do?",
        "Welche Stadt ist die größte?",
        "Is there a rule for travel expenses?",
        "What is EBITDA?",
        "Who is Tim Cook?",
        "Who is the CEO of Globex?",
        "Thanks!",
        "Thank you",
        "Hello",
        "Is it true that dividends are taxed?",
        "Können Sie mir den Urlaubsanspruch in Teilzeit erklären?",
        "Was ist ein Betriebsrat?",
    ],
)
def test_a_question_that_stands_alone_is_left_as_it_is(question: str) -> None:
    assert stands_alone(question, after(REVENUE)) == question
    assert stands_alone(question, []) == question


def test_the_document_that_answered_says_whom_it_was_about() -> None:
    past = after("How high is the tower?", "Split Rock Lighthouse.pdf")
    assert stands_alone("Who built it?", past) == "Who built Split Rock Lighthouse?"
    two = after("How high is the tower?", "a.pdf", "b.pdf")
    assert stands_alone("Who built it?", two) == "Who built it?"


def test_the_year_can_come_from_the_document_that_answered() -> None:
    past = after("What was the revenue?", "BESTBUY_2023_10K.pdf")
    assert stands_alone("and the year before?", past) == "What was the revenue? (2022)"


def test_a_chain_goes_on_from_what_was_understood() -> None:
    first = stands_alone("And the year before?", after(REVENUE))
    past = [*after(REVENUE), PastTurn("And the year before?", first, "Less [1].")]
    assert stands_alone("And the year before?", past) == "What was the revenue of Best Buy in 2021?"


@given(st.text(max_size=200), st.text(max_size=200), st.lists(st.text(max_size=30), max_size=2))
def test_any_text_can_be_a_follow_up(question: str, last: str, cited: list[str]) -> None:
    found = stands_alone(question, after(last, *cited))
    assert found.strip() or not question.strip() or not last.strip()
    assert len(found) <= len(question) * (len(last) + 40) + len(last) + 200
