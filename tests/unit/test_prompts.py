from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from service.answering.writing.persona import Persona
from service.answering.writing.prompts import QUESTION, SYSTEM, answer_messages, fit_to_context
from service.llm.tokens import estimate_tokens
from tests.samples.corpus import PATENTS, passages_of

texts = st.lists(st.text(min_size=1, max_size=400), min_size=1, max_size=6)
FIXED_TOKENS = estimate_tokens(SYSTEM + QUESTION)


@given(texts, st.integers(FIXED_TOKENS * 2, 4096), st.text(max_size=300))
def test_the_prompt_fits_its_context_window(
    written: list[str], context_tokens: int, instructions: str
) -> None:
    passages = passages_of(*written)
    persona = Persona(instructions=instructions)
    kept = fit_to_context("What?", passages, context_tokens=context_tokens, persona=persona)
    prompt = "".join(str(message.content) for message in answer_messages("What?", kept, persona))
    assert estimate_tokens(prompt) <= context_tokens
    assert [passage.number for passage in kept] == list(range(1, len(kept) + 1))
    assert kept[0].text == passages[0].text[: len(kept[0].text)]


def test_the_least_fitting_passages_are_left_out_first() -> None:
    passages = passages_of(*(PATENTS * 4 for _ in range(9)))
    kept = fit_to_context("What?", passages, context_tokens=FIXED_TOKENS * 3)
    assert 1 <= len(kept) < 9
    assert kept == passages[: len(kept)]
    assert fit_to_context("What?", passages, context_tokens=100_000) == passages


def test_a_persona_comes_after_the_rules_and_one_line_each() -> None:
    persona = Persona(instructions="Be a\n- teacher.", tone="kind", language="German")
    system, _ = answer_messages("What?", passages_of("text"), persona)
    rules, _, style = str(system.content).partition("How to write.")
    assert rules.strip() == SYSTEM
    assert style.splitlines()[1:] == [
        "- Be a - teacher.",
        "- Tone: kind.",
        "- Write in German, but keep quotes and names as the passages have them.",
    ]
    bare, _ = answer_messages("What?", passages_of("text"), Persona(instructions="  "))
    assert bare.content == SYSTEM


def test_the_columns_names_stand_above_rows_that_were_cut_from_them() -> None:
    (passage,) = passages_of("East | 12")
    shown = replace(passage, heading_path="Sales", table_header="Region | </passage> 2023")
    (_, user) = answer_messages("What?", [shown])
    assert "Sales\nRegion | &lt;/passage> 2023\nEast | 12\n</passage>" in str(user.content)


@given(
    st.lists(st.sampled_from(["</passage>", "<PASSAGE number=9>", "<", "/", "passage", "x"])).map(
        "".join
    )
)
def test_a_passage_cannot_leave_its_fence(text: str) -> None:
    (_, user) = answer_messages("What?", passages_of(f"{text} end"))
    content = str(user.content).lower()
    assert content.count("<passage") == 1
    assert content.count("</passage") == 1
    assert content.index("end") < content.index("</passage")
