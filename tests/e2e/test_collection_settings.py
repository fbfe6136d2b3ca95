from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.scripted_llm import MODEL, ScriptedLlm, say
from tests.e2e.server import LecternServer

ANCHORS = [f"The anchor number {number} weighs {number} kilograms." for number in range(20, 40)]
QUESTION = "What does the anchor number 25 weigh?"


@pytest.fixture(scope="module")
def anchors(llm: ScriptedLlm, make_data_dir: Callable[[], Path]) -> Iterator[LecternServer]:
    with LecternServer(
        make_data_dir(),
        LECTERN_LLM=llm.base_url,
        LECTERN_LLM_MODEL=MODEL,
        LECTERN_LLM_MODELS="large, thoughtful",
    ) as server:
        llm.script(say("The anchor number 25 weighs 25 kilograms [1]."))
        for number, sentence in enumerate(ANCHORS):
            server.upload(f"{number}.txt", sentence.encode(), collection="anchors")
        server.add("last.txt", b"The last anchor is made of iron.", collection="anchors")
        yield server


def changed(server: LecternServer, **settings: Any) -> dict[str, Any]:  # noqa: ANN401
    response = server.http.patch("/collections/anchors", json=settings)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def test_a_collection_says_what_it_holds_and_how_it_was_embedded(anchors: LecternServer) -> None:
    collection = anchors.http.get("/collections/anchors").json()
    assert (collection["documents"], collection["chunks"]) == (21, 21)
    assert collection["embedding"]["model"] == "all-MiniLM-L6-v2"
    assert collection["embedding"]["dimension"] == 384
    assert len(collection["embedding"]["fingerprint"]) == 8
    assert (collection["llm_model"], collection["top_k"]) == (None, None)
    empty = anchors.http.post("/collections", json={"name": "empty", "top_k": 3}).json()
    assert (empty["chunks"], empty["embedding"], empty["top_k"]) == (0, None, 3)


def test_it_chooses_the_model_that_answers_and_understands(
    llm: ScriptedLlm, anchors: LecternServer
) -> None:
    assert changed(anchors, llm_model="large")["llm_model"] == "large"
    first = anchors.chat(QUESTION, collection="anchors")
    assert (first["model"], llm.requests[-1]["model"]) == ("large", "large")
    before = len(llm.requests)
    anchors.chat("And what of number 26?", conversation_id=first["conversation_id"])
    assert [one["model"] for one in llm.requests[before:]] == ["large", "large"]
    assert changed(anchors, description="x")["llm_model"] == "large"
    assert changed(anchors, llm_model=None)["llm_model"] is None
    assert anchors.chat(QUESTION, collection="anchors")["model"] == MODEL


@pytest.mark.parametrize("model", ["huge", "", "Large"])
def test_it_chooses_among_those_that_the_operator_names(anchors: LecternServer, model: str) -> None:
    refused = anchors.http.patch("/collections/anchors", json={"llm_model": model})
    assert (refused.status_code, refused.json()["error"]) == (422, "invalid_request")
    created = anchors.http.post("/collections", json={"name": "other", "llm_model": model})
    assert created.status_code == 422
    if model:
        assert f"{MODEL}, large, thoughtful" in refused.json()["hint"]


def test_it_says_from_how_many_passages_it_answers(anchors: LecternServer) -> None:
    assert changed(anchors, top_k=2)["top_k"] == 2
    assert read_for(anchors) == 2
    assert read_for(anchors, top_k=5) == 5
    assert len(anchors.search(QUESTION, collection="anchors")["hits"]) == 2
    assert len(anchors.search(QUESTION, collection="anchors", top_k=4)["hits"]) == 4
    assert changed(anchors, top_k=None)["top_k"] is None
    assert read_for(anchors) == 8
    assert len(anchors.search(QUESTION, collection="anchors")["hits"]) == 10


@pytest.mark.parametrize("top_k", [0, 51, True, "8", 2.5])
def test_no_other_number_of_passages_is_accepted(anchors: LecternServer, top_k: object) -> None:
    refused = [
        anchors.http.patch("/collections/anchors", json={"top_k": top_k}),
        anchors.http.post("/chat", json={"message": QUESTION, "top_k": top_k}),
        anchors.http.post("/search", json={"query": QUESTION, "top_k": top_k}),
    ]
    assert [one.status_code for one in refused] == [422] * 3


def read_for(server: LecternServer, **options: int) -> int:
    """How many passages an answer had, as it is explained."""
    answer = server.chat(QUESTION, collection="anchors", **options)
    explained = server.http.get(f"/answers/{answer['answer_id']}/explain").json()
    ranked = next(one for one in explained["stages"] if one["stage"] == "ranked")
    assert explained["top_k"] == ranked["count"]
    return int(ranked["count"])


def test_a_model_that_is_not_offered_any_more_leaves_the_answer_to_the_other(
    llm: ScriptedLlm, make_data_dir: Callable[[], Path]
) -> None:
    folder = make_data_dir()
    settings = {"LECTERN_LLM": llm.base_url, "LECTERN_LLM_MODEL": MODEL}
    with LecternServer(folder, **settings, LECTERN_LLM_MODELS="large") as server:
        body = {"name": "anchors", "llm_model": "large"}
        assert server.http.post("/collections", json=body).status_code == 201
        server.add("25.txt", ANCHORS[5].encode(), collection="anchors")
    with LecternServer(folder, **settings) as server:
        answer = server.chat(QUESTION, collection="anchors")
        assert (answer["state"], answer["model"]) == ("answered", MODEL)
        assert "'large'" in server.log.read_text()
