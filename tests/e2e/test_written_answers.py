from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.doubles.scripted_llm import MODEL, Reply, ScriptedLlm, say
from tests.e2e.server import LecternServer
from tests.samples import files

QUESTION = "What does the anchor weigh?"


@pytest.fixture(scope="module")
def llm() -> Iterator[ScriptedLlm]:
    with ScriptedLlm() as scripted:
        yield scripted


@pytest.fixture(scope="module")
def written(llm: ScriptedLlm, make_data_dir: Callable[[], Path]) -> Iterator[LecternServer]:
    with LecternServer(
        make_data_dir(),
        LECTERN_LLM=llm.base_url,
        LECTERN_LLM_MODEL=MODEL,
        LECTERN_LLM_API_KEY="sk-not-a-secret",
        LECTERN_LLM_TIMEOUT_S="3",
    ) as server:
        server.add(
            "anchor.pdf", files.pdf([["The anchor weighs 90 kilograms.", "It is made of iron."]])
        )
        yield server


def test_the_model_writes_and_the_server_cites(llm: ScriptedLlm, written: LecternServer) -> None:
    llm.script(say("The anchor weighs", " 90 kilograms [1", "]. It also floats on salt water [7]."))
    answer = written.chat(QUESTION)
    assert "The anchor weighs 90 kilograms [1]." in answer["answer"]
    assert "[7]" not in answer["answer"]
    assert [citation["id"] for citation in answer["citations"]] == [1]
    citation = answer["citations"][0]
    assert citation["quote"] == "The anchor weighs 90 kilograms."
    assert citation["supported"]
    assert (citation["filename"], citation["page"]) == ("anchor.pdf", 1)
    # The second sentence stands on nothing.
    assert answer["state"] == "partial"
    assert answer["model"] == MODEL
    prompt = str(llm.requests[-1]["messages"])
    assert "The anchor weighs 90 kilograms." in prompt
    assert QUESTION in prompt


def test_the_model_reads_the_page_around_what_was_found(
    llm: ScriptedLlm, written: LecternServer
) -> None:
    ropes = [f"Rope number {number} is kept dry in the loft." for number in range(40)]
    page = ["It was laid in the yard of Bergen.", *ropes, "The keel is 12 metres long."]
    written.add("keel.pdf", files.pdf([["The mast is of pine."], page]))
    llm.script(say("The keel was laid in the yard of Bergen [1]."))
    answer = written.chat("How long is the keel?", top_k=1)
    prompt = str(llm.requests[-1]["messages"])
    assert prompt.count('<passage number="') == 1
    assert "It was laid in the yard of Bergen." in prompt
    (citation,) = answer["citations"]
    assert citation["quote"] == "It was laid in the yard of Bergen."
    text = written.http.get(f"/documents/{citation['document_id']}/pages/2").json()
    start = citation["start_char"] - text["start_char"]
    assert text["text"][start:].startswith(citation["quote"])


def test_the_stream_is_the_answer(llm: ScriptedLlm, written: LecternServer) -> None:
    llm.script(say("The anchor ", "weighs 90 kil", "ograms [", "1].", " Iron it is [1]."))
    events = written.chat_events(QUESTION)
    done = events[-1][1]
    assert events[-1][0] == "done"
    assert "".join(data["text"] for name, data in events if name == "token") == done["answer"]
    assert [data for name, data in events if name == "citation"] == done["citations"]


def test_a_figure_that_the_page_does_not_have_is_flagged(
    llm: ScriptedLlm, written: LecternServer
) -> None:
    llm.script(say("The anchor weighs 95 kilograms [1]."))
    answer = written.chat(QUESTION)
    assert answer["state"] == "partial"
    assert [citation["supported"] for citation in answer["citations"]] == [False]
    assert [one["text"] for one in answer["unsupported"]] == ["The anchor weighs 95 kilograms."]


def test_a_model_that_finds_nothing_abstains(llm: ScriptedLlm, written: LecternServer) -> None:
    llm.script(say("NOT_IN", "_DOCUMENTS"))
    answer = written.chat(QUESTION)
    assert answer["state"] == "not_in_documents"
    assert "NOT_IN_DOCUMENTS" not in answer["answer"]


def test_without_the_model_the_documents_still_answer(
    llm: ScriptedLlm, written: LecternServer
) -> None:
    llm.script(Reply(status=500))
    answer = written.chat(QUESTION)
    assert answer["degraded"] == ["llm_unavailable"]
    assert answer["state"] == "answered"
    assert "The anchor weighs 90 kilograms. [1]" in answer["answer"]


@pytest.mark.parametrize("event", ['{"choices": null}', '{"detail": "loading"}', "[1, 2]"])
def test_a_model_that_speaks_another_protocol_is_done_without(
    llm: ScriptedLlm, written: LecternServer, event: str
) -> None:
    llm.script(Reply(events=(event,)))
    answer = written.chat(QUESTION)
    assert (answer["state"], answer["degraded"]) == ("answered", ["llm_unavailable"])


def test_a_silent_model_is_asked_once(llm: ScriptedLlm, written: LecternServer) -> None:
    llm.script(Reply(silent=True))
    before = len(llm.requests)
    assert written.chat(QUESTION)["degraded"] == ["llm_unavailable"]
    assert len(llm.requests) == before + 1


def test_what_a_broken_off_model_had_said_stays_as_a_partial_answer(
    llm: ScriptedLlm, written: LecternServer
) -> None:
    llm.script(Reply(pieces=("The anchor weighs 90 kilograms [1].",), hang_up=True))
    answer = written.chat(QUESTION)
    assert (answer["state"], answer["degraded"]) == ("partial", ["llm_interrupted"])
    assert answer["answer"] == "The anchor weighs 90 kilograms [1]."


def test_a_stream_that_the_model_breaks_off_ends_with_an_error(
    llm: ScriptedLlm, written: LecternServer
) -> None:
    llm.script(Reply(pieces=("The anchor weighs 90 kilograms [1].",), hang_up=True))
    events = written.chat_events(QUESTION)
    assert "token" in [name for name, _ in events]
    assert "done" not in [name for name, _ in events]
    name, body = events[-1]
    assert (name, body["error"]) == ("error", "llm_unavailable")


def test_the_tokens_are_counted(llm: ScriptedLlm, written: LecternServer) -> None:
    counts = {"prompt_tokens": 300, "completion_tokens": 9, "total_tokens": 309}
    llm.script(Reply(pieces=("The anchor weighs 90 kilograms [1].",), usage=counts))
    assert written.chat(QUESTION)["usage"] == counts


def test_a_client_that_leaves_ends_the_call_of_the_model(
    llm: ScriptedLlm, written: LecternServer
) -> None:
    llm.script(Reply(pieces=("The anchor ", "weighs "), stall=True))
    body = {"message": QUESTION, "stream": True}
    with written.http.stream("POST", "/chat", json=body) as response:
        for line in response.iter_lines():
            if "text" in line:  # the first token: the model is being read
                break
    assert llm.wait_until_client_left(timeout_s=10)


def test_the_key_stays_out_of_the_log(llm: ScriptedLlm, written: LecternServer) -> None:
    llm.script(Reply(status=401))
    written.chat(QUESTION)
    assert "sk-not-a-secret" not in written.log.read_text()
