"""Providers that speak a protocol of their own, behind the whole service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.doubles.scripted_llm import MODEL, Reply, ScriptedLlm, say
from tests.e2e.server import LecternServer
from tests.samples import files

QUESTION = "What does the anchor weigh?"
SENTENCE = "The anchor weighs 90 kilograms [1]."
REPORTED = {
    "anthropic": {"input_tokens": 44, "cache_read_input_tokens": 256, "output_tokens": 9},
    "ollama": {"prompt_eval_count": 300, "eval_count": 9},
}
WHOLE = {"prompt_tokens": 300, "completion_tokens": 9, "total_tokens": 309}
COUNTED = {"anthropic": {**WHOLE, "cached_tokens": 256}, "ollama": WHOLE}


@pytest.fixture(scope="module", params=list(REPORTED))
def provider(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def written(
    provider: str, llm: ScriptedLlm, make_data_dir: Callable[[], Path]
) -> Iterator[LecternServer]:
    folder = make_data_dir()
    with LecternServer(
        folder,
        LECTERN_LLM=provider,
        LECTERN_LLM_BASE_URL=llm.root_url,
        LECTERN_LLM_MODEL=MODEL,
        LECTERN_LLM_API_KEY="sk-not-a-secret",
    ) as server:
        server.add("anchor.pdf", files.pdf([["The anchor weighs 90 kilograms."]]))
        yield server


def test_the_model_writes_and_its_tokens_are_counted(
    provider: str, llm: ScriptedLlm, written: LecternServer
) -> None:
    llm.script(Reply(pieces=("The anchor weighs ", "90 kilograms [1]."), usage=REPORTED[provider]))
    answer = written.chat(QUESTION)
    assert (answer["answer"], answer["state"]) == (SENTENCE, "answered")
    assert (answer["model"], answer["degraded"]) == (MODEL, [])
    assert answer["usage"] == COUNTED[provider]


def test_a_busy_provider_is_asked_again(llm: ScriptedLlm, written: LecternServer) -> None:
    llm.script(Reply(status=529, headers={"Retry-After": "0"}), say(SENTENCE))
    answer = written.chat(QUESTION)
    assert (answer["answer"], answer["degraded"]) == (SENTENCE, [])


def test_one_that_is_busy_for_long_is_done_without(
    llm: ScriptedLlm, written: LecternServer
) -> None:
    llm.script(Reply(status=429, headers={"Retry-After": "3600"}))
    before = len(llm.requests)
    answer = written.chat(QUESTION)
    assert (answer["state"], answer["degraded"]) == ("answered", ["llm_unavailable"])
    assert len(llm.requests) == before + 1


def test_a_stream_that_it_breaks_off_ends_with_an_error(
    llm: ScriptedLlm, written: LecternServer
) -> None:
    llm.script(Reply(pieces=(SENTENCE,), hang_up=True))
    events = written.chat_events(QUESTION)
    assert "token" in [name for name, _ in events]
    name, body = events[-1]
    assert (name, body["error"]) == ("error", "llm_unavailable")


def test_one_that_fails_again_and_again_is_not_asked_any_more(
    llm: ScriptedLlm, written: LecternServer
) -> None:
    llm.script(Reply(status=429, headers={"Retry-After": "3600"}))
    before = len(llm.requests)
    answers = [written.chat(QUESTION) for _ in range(8)]
    assert all(answer["degraded"] == ["llm_unavailable"] for answer in answers)
    assert len(llm.requests) == before + 5
