from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from corpus.errors import InvalidRequest
from service.answering.citations import Citation
from service.conversations.past import MAX_TURNS
from service.openai_api.messages import Asked, read_messages
from service.openai_api.request import Message
from service.openai_api.sources import read_sources, sources_list

MESSAGES = TypeAdapter(list[Message])
NAMES = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=40)


def read(*messages: dict[str, Any]) -> Asked:
    return read_messages(MESSAGES.validate_python(messages))


def said(role: str, content: object) -> dict[str, Any]:
    return {"role": role, "content": content}


def citation(number: int, filename: str = "report.pdf", page: int = 3) -> Citation:
    return Citation(
        id=number,
        document_id="d1",
        filename=filename,
        page=page,
        quote="A quote.",
        start_char=0,
        end_char=8,
        score=1.0,
        supported=True,
    )


def test_the_last_user_message_is_the_question_and_the_pairs_before_it_are_the_past() -> None:
    asked = read(
        said("system", "You are a pirate."),
        said("user", "What was the revenue of Acme in 2023?"),
        said("assistant", "Five million [1].\n\nSources:\n[1] acme-2023.pdf, page 4"),
        said("user", "And the year before?"),
    )
    assert asked.text == "And the year before?"
    (turn,) = asked.past
    assert turn.question == turn.standalone_question == "What was the revenue of Acme in 2023?"
    assert (turn.answer, turn.cited) == ("Five million [1].", ("acme-2023.pdf",))


def test_a_follow_up_of_a_follow_up_still_knows_what_it_is_about() -> None:
    asked = read(
        said("user", "What was the revenue of Acme in 2023?"),
        said("assistant", "Five million."),
        said("user", "And in 2022?"),
        said("assistant", "Four million."),
        said("user", "And the year before?"),
    )
    assert asked.past[-1].question == "And in 2022?"
    assert asked.past[-1].standalone_question == "What was the revenue of Acme in 2022?"


def test_tools_and_instructions_are_no_part_of_the_conversation() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    asked = read(
        said("developer", [{"type": "text", "text": "Answer in rhymes."}]),
        said("user", [{"type": "text", "text": "How tall"}, {"type": "text", "text": "is it?"}]),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "41 metres", "tool_call_id": "c1"},
        said("assistant", [{"type": "text", "text": "41 metres."}, {"type": "refusal"}]),
        said("user", "Since when?"),
        said("tool", None),
    )
    assert asked.text == "Since when?"
    assert [(turn.question, turn.answer) for turn in asked.past] == [
        ("How tall\nis it?", "41 metres.")
    ]


def test_questions_that_were_not_answered_are_remembered_and_empty_ones_are_not() -> None:
    asked = read(
        said("assistant", "Hello!"), said("user", "First?"), said("user", ""), said("user", "Last?")
    )
    assert [(turn.question, turn.answer) for turn in asked.past] == [("First?", "")]


def test_of_a_long_conversation_the_last_turns_are_read() -> None:
    messages = [said("user", f"Question {number}?") for number in range(100)]
    asked = read(*messages)
    assert asked.text == "Question 99?"
    assert len(asked.past) == MAX_TURNS
    assert asked.past[-1].question == "Question 98?"


def test_without_a_user_message_nothing_is_asked() -> None:
    with pytest.raises(InvalidRequest, match="no user message"):
        read(said("system", "You are a pirate."), said("assistant", "Arr."))


@pytest.mark.parametrize("kind", ["image_url", "input_audio", "file", ""])
def test_a_part_that_is_no_text_is_refused_by_name(kind: str) -> None:
    parts = [{"type": "text", "text": "What is this?"}, {"type": kind, kind: {"url": "data:,"}}]
    with pytest.raises(InvalidRequest, match=rf"messages\.0 .*'{kind}'"):
        read(said("user", parts))


def test_sources_are_a_line_for_each_citation() -> None:
    assert sources_list([]) == ""
    listed = sources_list([citation(1), citation(2, "a, page 2", 7)])
    assert listed == "\n\nSources:\n[1] report.pdf, page 3\n[2] a, page 2, page 7"


# No answer ends in white space.
@given(st.text().map(str.rstrip), st.lists(NAMES, min_size=1, max_size=5))
@example("As before.\n\nSources:\n[1] a.pdf, page 1", ["b.pdf"])
def test_the_list_that_we_append_is_taken_off_again(answer: str, filenames: list[str]) -> None:
    listed = sources_list([citation(number, name) for number, name in enumerate(filenames, 1)])
    read_back, cited = read_sources(answer + listed)
    assert read_back == answer.replace("\r\n", "\n")
    assert cited == tuple(dict.fromkeys(filenames))


@given(st.text())
@example("My list.\n\nSources:\n[1] hearsay")
@example("\n\nSources:\n")
def test_what_is_no_list_of_ours_stays(text: str) -> None:
    assert read_sources(text) == (text, ())


def test_a_list_that_a_client_trimmed_or_dressed_in_other_line_ends_is_ours_too() -> None:
    content = ("Oil [1]." + sources_list([citation(1)])).replace("\n", "\r\n") + "\r\n"
    assert read_sources(content) == ("Oil [1].", ("report.pdf",))


def test_half_a_character_is_no_text() -> None:
    for content in ("\ud800", [{"type": "text", "text": "\udfff"}]):
        with pytest.raises(ValueError, match=r"surrogate|unicode"):
            MESSAGES.validate_python([said("user", content)])
