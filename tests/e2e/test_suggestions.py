"""Questions that the LLM proposes beside the answer: only those that can be answered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.doubles.scripted_llm import MODEL, Reply, ScriptedLlm, say
from tests.e2e.server import LecternServer
from tests.samples import files

PAGE = ["The anchor weighs 90 kilograms. The anchor was forged in Bergen in 1911."]
QUESTION = "What does the anchor weigh?"
ANSWER = "The anchor weighs 90 kilograms [1]."


def test_of_what_the_model_proposes_the_answerable_is_suggested(
    make_data_dir: Callable[[], Path],
) -> None:
    proposals = say("1. Where was the anchor forged?\n2. Who won the chess championship?\nNothing.")
    with (
        ScriptedLlm() as llm,
        LecternServer(
            make_data_dir(),
            LECTERN_LLM=llm.base_url,
            LECTERN_LLM_MODEL=MODEL,
            LECTERN_SUGGESTIONS="llm",
        ) as server,
    ):
        server.add("anchor.pdf", files.pdf([PAGE]))
        llm.script_by("Questions to ask next:", proposals, otherwise=say(ANSWER))
        answer = server.chat(QUESTION)
        assert answer["answer"] == ANSWER
        assert answer["related_questions"] == ["Where was the anchor forged?"]

        # A model that does not propose in time holds up no answer.
        llm.script_by("Questions to ask next:", Reply(silent=True), otherwise=say(ANSWER))
        late = server.chat(QUESTION, keep=False)
        assert (late["answer"], late["related_questions"]) == (ANSWER, [])
