from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.doubles.scripted_llm import MODEL, Reply, ScriptedLlm, say
from tests.e2e.server import LecternServer
from tests.samples import files

PAGES = [
    ["Acme anchors weigh 90 kilograms. Acme anchors are made of iron in Oslo."],
    ["Globex anchors weigh 75 kilograms. Globex anchors are made of steel in Kyoto."],
]
FIRST = "What do the anchors of Acme weigh?"


@pytest.fixture(scope="module")
def anchors(server: LecternServer) -> LecternServer:
    server.add("anchors.pdf", files.pdf(PAGES), collection="anchors")
    return server


def test_a_follow_up_is_understood_and_the_conversation_kept(anchors: LecternServer) -> None:
    first = anchors.chat(FIRST, collection="anchors")
    assert first["standalone_question"] == FIRST
    conversation_id = first["conversation_id"]
    second = anchors.chat("And of Globex?", conversation_id=conversation_id)
    assert second["standalone_question"] == "What do the anchors of Globex weigh?"
    assert "75 kilograms" in second["answer"]
    assert second["conversation_id"] == conversation_id

    kept = anchors.http.get(f"/conversations/{conversation_id}").json()
    assert (kept["collection"], kept["title"], kept["turn_count"]) == ("anchors", FIRST, 2)
    assert [turn["message"] for turn in kept["turns"]] == [FIRST, "And of Globex?"]
    for turn, answer in zip(kept["turns"], [first, second], strict=True):
        shared = {"answer_id", "standalone_question", "state", "answer", "citations", "model"}
        assert {key: turn[key] for key in shared} == {key: answer[key] for key in shared}

    listed = anchors.http.get("/conversations", params={"collection": "anchors"}).json()
    assert conversation_id in [one["id"] for one in listed["conversations"]]
    renamed = anchors.http.patch(f"/conversations/{conversation_id}", json={"title": "Anchors"})
    assert renamed.json()["title"] == "Anchors"


def test_a_deleted_conversation_is_gone_with_its_answers(anchors: LecternServer) -> None:
    answer = anchors.chat(FIRST, collection="anchors")
    address = f"/conversations/{answer['conversation_id']}"
    assert anchors.http.delete(address).json()["deleted"] is True
    for method, path in (
        ("GET", address),
        ("DELETE", address),
        ("GET", f"/answers/{answer['answer_id']}"),
        ("GET", f"/answers/{answer['answer_id']}/explain"),
    ):
        assert anchors.http.request(method, path).status_code == 404
    late = anchors.http.post(
        "/chat", json={"message": FIRST, "conversation_id": answer["conversation_id"]}
    )
    assert (late.status_code, late.json()["error"]) == (404, "conversation_not_found")


def test_a_conversation_keeps_to_its_collection(anchors: LecternServer) -> None:
    conversation_id = anchors.chat(FIRST, collection="anchors")["conversation_id"]
    body = {"message": FIRST, "conversation_id": conversation_id, "collection": "default"}
    other = anchors.http.post("/chat", json=body)
    assert (other.status_code, other.json()["error"]) == (422, "invalid_request")
    assert "'anchors'" in other.json()["detail"]


def test_a_hundred_questions_at_once_are_ordered_and_none_is_lost(anchors: LecternServer) -> None:
    conversation_id = anchors.chat(FIRST, collection="anchors")["conversation_id"]
    questions = [f"What do the anchors of Globex number {number} weigh?" for number in range(100)]
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda it: anchors.chat(it, conversation_id=conversation_id), questions))
    turns = anchors.http.get(f"/conversations/{conversation_id}").json()["turns"]
    assert sorted(turn["message"] for turn in turns[1:]) == sorted(questions)


def test_why_an_answer_is_what_it_is(anchors: LecternServer) -> None:
    answer = anchors.chat(
        "What do the anchors of Acme weigh? Please answer in one sentence.",
        collection="anchors",
        filters={"filename": "anchors.pdf"},
        top_k=3,
    )
    why = anchors.http.get(f"/answers/{answer['answer_id']}/explain").json()
    assert why["traced"] is True
    assert (why["answer"], why["top_k"]) == (answer["answer"], 3)
    assert why["applied_filters"] == {"filename": "anchors.pdf"}
    assert why["searched_for"]["plain"] == FIRST
    assert [stage["stage"] for stage in why["stages"]] == ["found", "live", "ranked"]
    found = why["stages"][0]["candidates"]
    assert all(one["dense"] is not None for one in found)
    assert any(one["sparse"] for one in found)
    best = why["stages"][-1]["candidates"][0]
    assert (best["filename"], best["page"]) == ("anchors.pdf", 1)
    assert why["evidence"]["strength"] >= why["evidence"]["threshold"]
    assert {"conversation", "retrieval", "total"} <= set(why["timings_ms"])
    assert why["prompt"] == []


def test_an_answer_is_rated(anchors: LecternServer) -> None:
    answer_id = anchors.chat(FIRST, collection="anchors")["answer_id"]
    body = {"answer_id": answer_id, "rating": "down", "comment": "It is 91."}
    assert anchors.http.post("/feedback", json=body).json() == body
    found = anchors.http.get(f"/answers/{answer_id}").json()
    assert (found["rating"], found["comment"]) == ("down", "It is 91.")
    unknown = anchors.http.post("/feedback", json={"answer_id": "nobody", "rating": "up"})
    assert (unknown.status_code, unknown.json()["error"]) == (404, "answer_not_found")
    wrong = anchors.http.post("/feedback", json={"answer_id": answer_id, "rating": "so so"})
    assert wrong.status_code == 422


def test_what_was_said_of_a_deleted_document_is_deleted(anchors: LecternServer) -> None:
    document = anchors.add(
        "kite.pdf", files.pdf([["The kite weighs 2 grams."]]), collection="kites"
    )
    answer = anchors.chat("What does the kite weigh?", collection="kites")
    assert "2 grams" in answer["answer"]
    assert anchors.http.delete(f"/documents/{document['id']}").json()["verified"]
    (turn,) = anchors.http.get(f"/conversations/{answer['conversation_id']}").json()["turns"]
    assert turn["removed"] is True
    assert (turn["state"], turn["answer"], turn["citations"]) == (None, "", [])
    why = anchors.http.get(f"/answers/{answer['answer_id']}/explain").json()
    assert (why["traced"], why["stages"]) == (False, [])
    assert "2 grams" not in str(why)
    # The conversation goes on.
    later = anchors.chat("And the other one?", conversation_id=answer["conversation_id"])
    assert later["state"] == "not_in_documents"
    turns = anchors.http.get(f"/conversations/{answer['conversation_id']}").json()["turns"]
    assert [one["removed"] for one in turns] == [True, False]


def test_a_question_leaves_no_trace_where_none_is_wanted(anchors: LecternServer) -> None:
    before = anchors.http.get("/conversations", params={"limit": 200}).json()
    answer = anchors.chat(FIRST, collection="anchors", keep=False)
    assert (answer["state"], answer["conversation_id"]) == ("answered", None)
    assert anchors.http.get(f"/answers/{answer['answer_id']}").status_code == 404
    first = anchors.chat(FIRST, collection="anchors")
    second = anchors.chat("And of Globex?", conversation_id=first["conversation_id"], keep=False)
    assert "75 kilograms" in second["answer"]
    kept = anchors.http.get(f"/conversations/{first['conversation_id']}").json()
    assert kept["turn_count"] == 1
    after = anchors.http.get("/conversations", params={"limit": 200}).json()
    assert len(after["conversations"]) == len(before["conversations"]) + 1


def test_related_questions_that_others_asked_are_suggested(server: LecternServer) -> None:
    pages = [["The red kite weighs 2 grams. The red kite is made of silk in Kyoto."]]
    server.add("kites.pdf", files.pdf(pages), collection="related")
    weigh, made = "What does the red kite weigh?", "What is the red kite made of?"
    first = server.chat(weigh, collection="related")
    assert first["related_questions"] == []
    server.chat("Who won the chess championship in Brazil?", collection="related")
    server.chat("Of what silk is the red kite?", collection="related", filters={"page": 1})
    other = server.chat(made, collection="related")
    assert other["related_questions"] == [weigh]
    # Neither what is asked nor what was asked before in the conversation.
    again = server.chat(weigh, conversation_id=other["conversation_id"])
    assert again["related_questions"] == []


def test_a_stream_is_kept_as_it_was_given(anchors: LecternServer) -> None:
    events = anchors.chat_events(FIRST, collection="anchors")
    done = dict(events)["done"]
    assert dict(events)["meta"]["conversation_id"] == done["conversation_id"]
    kept = anchors.http.get(f"/answers/{done['answer_id']}").json()
    assert (
        kept["answer"]
        == done["answer"]
        == "".join(data["text"] for name, data in events if name == "token")
    )


@pytest.fixture(scope="module")
def written(llm: ScriptedLlm, make_data_dir: Callable[[], Path]) -> Iterator[LecternServer]:
    with LecternServer(
        make_data_dir(), LECTERN_LLM=llm.base_url, LECTERN_LLM_MODEL=MODEL
    ) as server:
        server.add("anchors.pdf", files.pdf(PAGES))
        yield server


def test_the_model_makes_a_follow_up_stand_alone(llm: ScriptedLlm, written: LecternServer) -> None:
    llm.script(say("Acme anchors weigh 90 kilograms [1]."))
    first = written.chat(FIRST)
    before = len(llm.requests)
    llm.script(
        say("<think>Globex?</think>", '"What do the anchors of Globex weigh?"\n'),
        say("Globex anchors weigh 75 kilograms [1]."),
    )
    second = written.chat("Und Globex?", conversation_id=first["conversation_id"])
    assert second["standalone_question"] == "What do the anchors of Globex weigh?"
    assert second["state"] == "answered"
    condensing, answering = llm.requests[before:]
    assert FIRST in str(condensing["messages"])
    assert "90 kilograms" in str(condensing["messages"])
    assert "What do the anchors of Globex weigh?" in str(answering["messages"])
    why = written.http.get(f"/answers/{second['answer_id']}/explain").json()
    assert [one["role"] for one in why["prompt"]] == ["system", "user"]
    assert "<passage" in why["prompt"][1]["content"]


def test_a_model_that_says_no_question_leaves_it_to_the_rules(
    llm: ScriptedLlm, written: LecternServer
) -> None:
    llm.script(say("Acme anchors weigh 90 kilograms [1]."))
    first = written.chat(FIRST)
    llm.script(
        say("Sure!\n\nThey weigh 75 kilograms."), say("Globex anchors weigh 75 kilograms [1].")
    )
    second = written.chat("And of Globex?", conversation_id=first["conversation_id"])
    assert second["standalone_question"] == "What do the anchors of Globex weigh?"


def test_an_answer_that_is_stopped_is_kept_as_far_as_it_was_given(
    llm: ScriptedLlm, written: LecternServer
) -> None:
    llm.script(Reply(pieces=("Acme anchors weigh ", "90 kilograms [1]."), stall=True))
    meta: dict[str, str] = {}
    with written.http.stream("POST", "/chat", json={"message": FIRST, "stream": True}) as reply:
        lines = reply.iter_lines()
        for line in lines:
            if line.startswith("data: ") and not meta:
                meta = json.loads(line.removeprefix("data: "))
            if "[1]" in line:
                break
    assert llm.wait_until_client_left(20)
    address = f"/conversations/{meta['conversation_id']}"
    deadline_s = time.monotonic() + 20
    while not (turns := written.http.get(address).json()["turns"]):
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    (turn,) = turns
    assert (turn["state"], turn["degraded"]) == ("partial", ["stopped"])
    assert turn["answer"].startswith("Acme anchors weigh 90 kilograms")


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_while_its_question_is_understood_stops_that(
    llm: ScriptedLlm, written: LecternServer, stream: bool
) -> None:
    llm.script(say("Acme anchors weigh 90 kilograms [1]."))
    conversation_id = written.chat(FIRST)["conversation_id"]
    before = len(llm.requests)
    llm.script(Reply(silent=True))
    body = {"message": "And of Globex?", "conversation_id": conversation_id, "stream": stream}
    written.leave("/chat", body, when=lambda: len(llm.requests) > before)
    assert llm.wait_until_client_left(20)
