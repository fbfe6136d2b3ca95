import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.wording.rewriting import MAX_RELATED, rewrite


@pytest.mark.parametrize(
    ("question", "plain"),
    [
        ("Who founded Acme?", "Who founded Acme?"),
        (
            (
                "What drove the change as of FY2022? If it is not a useful metric for a company "
                "like this, then please state that and explain why."
            ),
            "What drove the change as of 2022?",
        ),
        (
            (
                "What is the FY21 growth rate of Acme? Answer in units of percents and round to "
                "one decimal place."
            ),
            "What is the 2021 growth rate of Acme?",
        ),
        (
            (
                "Using the register, answer the following question to the best of your abilities: "
                "how many ships does Acme own?"
            ),
            "Using the register, how many ships does Acme own?",
        ),
        ("If it rains, what happens?", "If it rains, what happens?"),
        ("Hello. Please tell me the opening hours.", "Hello. Please tell me the opening hours."),
        ("Who pays? Please list all fees.", "Who pays? Please list all fees."),
    ],
)
def test_instructions_are_left_out_and_fiscal_years_written_out(question: str, plain: str) -> None:
    assert rewrite(question).plain == plain


def test_what_pages_say_is_added_to_what_people_ask() -> None:
    related = rewrite("What is Acme's capex as a share of its PP&E?").related
    assert "purchases of property plant and equipment" in related
    assert "consolidated statements of cash flows" in related
    assert len(related) == len(set(related))


@pytest.mark.parametrize(
    "question",
    [
        "Where is Oslo?",
        "Who dropped the ball?",
        "Wer gewann?",
        "Chi è Dio?",
        "Wie hoch ist das EBITDA in der Sparte?",
    ],
)
def test_other_questions_stay_as_they_are(question: str) -> None:
    found = rewrite(question)
    assert found.related == ()
    assert found.expanded == found.plain == question


@pytest.mark.parametrize("question", ["Please explain.", "Round it.", "Answer with a number."])
def test_a_question_of_instructions_alone_is_asked_as_it_is(question: str) -> None:
    assert rewrite(question).plain == question


@given(st.text(min_size=1).filter(str.strip))
def test_any_text_can_be_asked(question: str) -> None:
    found = rewrite(question)
    assert found.plain.strip()
    assert len(found.related) <= MAX_RELATED
