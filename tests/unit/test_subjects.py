import pytest

from service.answering.passages import Passage
from service.answering.quoting.subjects import is_of_others
from service.wording.names import names_in


def passage(text: str, title: str = "Best Buy 2023: Annual Report") -> Passage:
    return Passage(
        number=1,
        version=1,
        document_id="d",
        filename="d.pdf",
        title=title,
        heading_path="",
        page=1,
        text=text,
        start_char=0,
    )


BEST_BUY = passage("Revenue in fiscal 2023 was $46.3 billion, compared to $51.8 billion.")


@pytest.mark.parametrize(
    "question",
    [
        "What was Amazon's revenue in 2023?",
        "Amazon's revenue?",
        "In 2025, what was the revenue?",
        "What was Amazon's revenue in the annual report?",
        "How much revenue did Walmart have?",
        "What was the revenue in 2035?",
        "What was Best Buy's revenue in FY2035?",
    ],
)
def test_a_question_about_someone_or_some_year_that_is_not_there(question: str) -> None:
    assert is_of_others(question, [BEST_BUY])


@pytest.mark.parametrize(
    "question",
    [
        "What was Best Buy's revenue in FY2023?",
        "What was the revenue?",
        "Revenue of best buy?",
        "What does the PDF say about revenue?",
        "OK, how high was the revenue?",
        "Explain in English how revenue developed",
        '"Explain how the revenue developed"',
        "hi\nExplain how the revenue developed",
        "Was a bill of 2000 dollars paid?",
        "DNA是什么",
        "Umsatz Amazon",
        "How high was the EBITDA in Q4 of 2023?",
        "How does Best Buy compare with Amazon?",
        "Wie hoch war der Umsatz von Amazon?",
        "亚马逊的收入是多少？",
    ],
)
def test_a_question_about_what_is_there_or_about_no_one(question: str) -> None:
    assert not is_of_others(question, [BEST_BUY])


def test_an_abbreviation_of_a_title_is_there() -> None:
    filing = passage("Sales grew.", title="JOHNSON JOHNSON 2022 10K")
    assert not is_of_others("How fast did JnJ grow?", [filing])
    assert is_of_others("How fast did JPM grow?", [filing])


def test_an_abbreviation_is_there_when_it_is_spelled_out() -> None:
    staff = passage("The chief executive officer is Ann Lee. Employees in the United States: 7.")
    assert not is_of_others("Who is the CEO?", [staff])
    assert not is_of_others("How many U.S. employees are there?", [staff])
    assert is_of_others("Who is the CFO?", [staff])


def test_without_passages_nothing_is_said() -> None:
    assert not is_of_others("What was Amazon's revenue?", [])


def test_names_have_capitals_where_words_have_none() -> None:
    assert names_in("What did Kawann Short and the NFL do? Roughly, in Q4 of FY2022?") == [
        "Kawann",
        "Short",
        "NFL",
    ]
