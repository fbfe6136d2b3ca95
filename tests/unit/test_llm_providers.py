"""Every provider, over HTTP: the same behaviour, whatever it speaks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.llms import LLM
from pydantic import SecretStr

from corpus.errors import LlmUnavailable
from corpus.settings import Settings
from lectern.server.providers import open_provider
from service.llm.guarded import GuardedLlm, Limits
from service.llm.stream import LlmStream
from tests.doubles.scripted_llm import MODEL, Reply, ScriptedLlm, say

QUESTION = "What does the anchor weigh?"
MESSAGES = [
    ChatMessage(role=MessageRole.SYSTEM, content="Answer from the passages."),
    ChatMessage(role=MessageRole.USER, content=QUESTION),
]
KEY = "sk-do-not-log-me"
PATIENCE_S = 20.0
BUSY = Reply(status=503)


@pytest.fixture
def server() -> Iterator[ScriptedLlm]:
    with ScriptedLlm() as running:
        yield running


@pytest.fixture(params=["openai", "anthropic", "ollama"])
def provider(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def settings(provider: str, server: ScriptedLlm) -> Settings:
    common = Settings(llm_model=MODEL, llm_api_key=SecretStr(KEY), llm_context_tokens=4096)
    where = (
        {"llm": server.base_url}
        if provider == "openai"
        else {"llm": provider, "llm_base_url": server.root_url}
    )
    return common.model_copy(update=where)


class Asked:
    """An LLM of that provider whose pauses take no time, and are noted."""

    def __init__(
        self, provider: str, server: ScriptedLlm, *, first_token_s: float = PATIENCE_S
    ) -> None:
        self.pauses_s: list[float] = []
        llm, away = open_provider(settings(provider, server))
        limits = Limits(first_token_s, max_tries=3, concurrency=2)
        self.llm: LLM = GuardedLlm(llm, limits, away=away, sleep=self._sleep, jitter=lambda: 0.5)

    async def _sleep(self, pause_s: float) -> None:
        self.pauses_s.append(pause_s)

    def stream(self) -> LlmStream:
        return LlmStream(self.llm, MESSAGES, timeout_s=PATIENCE_S)

    def read(self) -> tuple[str, dict[str, int]]:
        """A whole reply: its text and its counts."""
        stream = self.stream()

        async def joined() -> str:
            return "".join([piece async for piece in stream.pieces()])

        return asyncio.run(joined()), dict(stream.usage)


def test_a_reply_is_streamed_as_it_comes(provider: str, server: ScriptedLlm) -> None:
    server.script(Reply(pieces=("Ninety ", "kilograms"), stall=True))

    async def until_it_stalls() -> str:
        said = ""
        async with aclosing(Asked(provider, server).stream().pieces()) as pieces:
            async for piece in pieces:
                said += piece
                if said == "Ninety kilograms":
                    break
        return said

    assert asyncio.run(until_it_stalls()) == "Ninety kilograms"


def test_the_question_the_model_and_the_key_are_sent(provider: str, server: ScriptedLlm) -> None:
    Asked(provider, server).read()
    [request], [headers] = server.requests, server.headers
    assert request["model"] == MODEL
    assert QUESTION in str(request["messages"])
    assert "Answer from the passages." in str(request)
    assert KEY in {headers.get("x-api-key"), headers.get("authorization", "")[len("Bearer ") :]}


@pytest.mark.parametrize(
    ("provider", "reported", "counted"),
    [
        (
            "openai",
            {
                "prompt_tokens": 300,
                "completion_tokens": 9,
                "total_tokens": 309,
                "prompt_tokens_details": {"cached_tokens": 256},
                "completion_tokens_details": {"reasoning_tokens": 4},
            },
            {"cached_tokens": 256, "reasoning_tokens": 4},
        ),
        (
            "anthropic",
            {
                "input_tokens": 34,
                "cache_read_input_tokens": 256,
                "cache_creation_input_tokens": 10,
                "output_tokens": 9,
                "output_tokens_details": {"thinking_tokens": 4},
            },
            {"cached_tokens": 256, "cache_write_tokens": 10, "reasoning_tokens": 4},
        ),
        ("anthropic", {"input_tokens": 300, "output_tokens": 9}, {}),
        ("ollama", {"prompt_eval_count": 300, "eval_count": 9}, {}),
    ],
)
def test_tokens_are_counted_in_one_form(
    server: ScriptedLlm, provider: str, reported: dict[str, Any], counted: dict[str, int]
) -> None:
    server.script(Reply(pieces=("Ninety.",), usage=reported))
    text, usage = Asked(provider, server).read()
    assert text == "Ninety."
    whole = {"prompt_tokens": 300, "completion_tokens": 9, "total_tokens": 309}
    assert usage == whole | counted


def test_an_endpoint_that_refuses_to_count_is_asked_to_only_once(server: ScriptedLlm) -> None:
    asked = Asked("openai", server)
    server.script(Reply(status=400), say("Ninety."))
    assert [asked.read()[0], asked.read()[0]] == ["Ninety.", "Ninety."]
    assert ["stream_options" in request for request in server.requests] == [True, False, False]


@pytest.mark.parametrize(
    "failure",
    [
        *[Reply(status=status) for status in (408, 409, 429, 500, 502, 503, 504, 529)],
        Reply(hang_up=True),
    ],
    ids=str,
)
def test_what_may_pass_is_tried_again(provider: str, server: ScriptedLlm, failure: Reply) -> None:
    server.script(failure, failure, say("Ninety."))
    asked = Asked(provider, server)
    assert asked.read()[0] == "Ninety."
    assert asked.pauses_s == [0.25, 0.5]
    server.script(failure)
    with pytest.raises(LlmUnavailable):
        asked.read()
    assert len(server.requests) == 6


def test_an_error_that_a_stream_reports_is_tried_again(server: ScriptedLlm) -> None:
    overloaded = '{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}'
    server.script(Reply(events=(overloaded,)), say("Ninety."))
    assert Asked("anthropic", server).read()[0] == "Ninety."


@pytest.mark.parametrize("status", [401, 403, 404, 413])
def test_what_would_fail_again_is_not_tried_again(
    provider: str, server: ScriptedLlm, status: int
) -> None:
    server.script(Reply(status=status))
    with pytest.raises(LlmUnavailable):
        Asked(provider, server).read()
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b"<html>a proxy's page</html>"),
        Reply(events=("[1, 2]",)),
        Reply(events=('{"type": "message_delta", "message": 5}',)),
    ],
    ids=str,
)
def test_a_reply_in_another_protocol_is_no_answer(
    provider: str, server: ScriptedLlm, reply: Reply
) -> None:
    server.script(reply)
    asked = Asked(provider, server)
    try:
        text, _ = asked.read()
    except LlmUnavailable:
        text = ""
    assert text == ""
    assert asked.pauses_s == []


def test_retry_after_is_waited_in_full(provider: str, server: ScriptedLlm) -> None:
    server.script(Reply(status=429, headers={"Retry-After": "3"}), say("Ninety."))
    asked = Asked(provider, server)
    assert asked.read()[0] == "Ninety."
    assert asked.pauses_s == [3.25]


@pytest.mark.parametrize("as_date", [False, True])
def test_who_is_told_to_come_back_too_late_does_not_wait(
    provider: str, server: ScriptedLlm, as_date: bool
) -> None:
    in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    later = {"Retry-After": in_an_hour if as_date else "3600"}
    server.script(Reply(status=503, headers=later))
    asked = Asked(provider, server)
    with pytest.raises(LlmUnavailable, match="503"):
        asked.read()
    assert asked.pauses_s == []
    assert len(server.requests) == 1


def test_nothing_is_tried_again_after_the_first_token(provider: str, server: ScriptedLlm) -> None:
    server.script(Reply(pieces=("Nine",), hang_up=True))
    asked = Asked(provider, server)

    async def broken_off() -> str:
        pieces = asked.stream().pieces()
        first = await anext(pieces)
        with pytest.raises(LlmUnavailable):
            await anext(pieces)
        return first

    assert asyncio.run(broken_off()) == "Nine"
    assert len(server.requests) == 1


def test_an_endpoint_that_is_not_there_is_looked_for_again(provider: str) -> None:
    with ScriptedLlm() as gone:
        asked = Asked(provider, gone)
    with pytest.raises(LlmUnavailable):
        asked.read()
    assert len(asked.pauses_s) == 2


def test_a_silent_endpoint_is_given_up_within_the_time_to_the_first_token(
    provider: str, server: ScriptedLlm
) -> None:
    server.script(Reply(silent=True))
    with pytest.raises(LlmUnavailable, match="no token in time"):
        Asked(provider, server, first_token_s=0.2).read()
    assert len(server.requests) == 1
    assert server.wait_until_client_left(PATIENCE_S)


def test_a_model_that_thinks_is_not_silent(provider: str, server: ScriptedLlm) -> None:
    server.script(Reply(thoughts=("Anchors are heavy.",), hang_up=True))
    with pytest.raises(LlmUnavailable):
        Asked(provider, server).read()
    assert len(server.requests) == 1
    server.script(Reply(thoughts=("Anchors", " are heavy."), pieces=("Ninety.",)))
    assert Asked(provider, server).read()[0] == "Ninety."


def test_closing_the_stream_closes_the_call(provider: str, server: ScriptedLlm) -> None:
    server.script(Reply(pieces=("Ninety",), stall=True))

    async def leave() -> bool:
        pieces = Asked(provider, server).stream().pieces()
        await anext(pieces)
        await pieces.aclose()
        return await asyncio.to_thread(server.wait_until_client_left, PATIENCE_S)

    assert asyncio.run(leave())


def test_a_failure_is_logged_without_key_and_question(
    provider: str, server: ScriptedLlm, caplog: pytest.LogCaptureFixture
) -> None:
    server.script(Reply(status=401))
    with caplog.at_level(logging.DEBUG, logger="service"), pytest.raises(LlmUnavailable) as failed:
        Asked(provider, server).read()
    for told in (caplog.text, failed.value.detail):
        assert "401" in told
        assert KEY not in told
        assert QUESTION not in told
        assert "scripted error" not in told
