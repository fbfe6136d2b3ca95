"""What is told to the measures, by whatever way a request, an answer or a call ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, nullcontext
from dataclasses import dataclass, field

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from corpus.errors import LlmUnavailable, SourcesChanged
from corpus.tracing import UNTRACED
from service.answering.events import AnswerDone, AnswerEvents, TextPiece
from service.asking.measuring import measured
from service.http.measuring import Measured
from service.llm.measuring import measured_call
from service.measures import LlmOutcome, MeasuredAnswer, NotMeasured


@dataclass
class Kept(NotMeasured):
    """Measures that keep what they are told."""

    replies: list[tuple[str, str | None, int | None]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    answers: list[MeasuredAnswer] = field(default_factory=list)
    calls: list[tuple[str, bool]] = field(default_factory=list)

    def replied(self, method: str, route: str | None, status: int | None, seconds: float) -> None:
        self.replies.append((method, route, status))
        self.seconds.append(seconds)

    def answered(self, answer: MeasuredAnswer) -> None:
        self.answers.append(answer)

    def llm_called(
        self, outcome: LlmOutcome, *, first_token_s: float | None, total_s: float
    ) -> None:
        assert first_token_s is None or first_token_s <= total_s
        self.calls.append((outcome, first_token_s is not None))


def app_told_to(kept: Kept) -> TestClient:
    app = FastAPI()

    @app.get("/things/{name}")
    async def thing(name: str) -> str:
        if name == "broken":
            raise RuntimeError(name)
        return name

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def slowly() -> AsyncGenerator[bytes, None]:
            yield b"a"
            await asyncio.sleep(0.3)
            yield b"b"

        return StreamingResponse(slowly())

    app.router.routes.append(Route("/plain", PlainTextResponse("plain"), methods=["POST"]))
    app.router.routes.append(Route("/plain/{name}", PlainTextResponse("plain")))
    app.add_middleware(Measured, measures=kept)
    return TestClient(app, raise_server_exceptions=False)


def test_a_request_is_told_by_its_route() -> None:
    kept = Kept()
    with app_told_to(kept) as client:
        for path in ("/things/a", "/things/b", "/nowhere", "/things/broken"):
            client.get(path)
        client.post("/things/a")
        client.post("/plain")
        client.get("/plain")
        client.get("/plain/anything")
    template = "/things/{name}"
    assert kept.replies == [
        ("GET", template, 200),
        ("GET", template, 200),
        ("GET", None, 404),
        ("GET", template, None),  # here nothing within answers what nobody foresaw
        ("POST", template, 405),
        ("POST", "/plain", 200),
        ("GET", "/plain", 405),
        ("GET", None, 200),  # its template is not known, and its address must not be told
    ]


def test_a_stream_is_as_slow_as_its_beginning() -> None:
    kept = Kept()
    started_s = time.perf_counter()
    with app_told_to(kept) as client:
        assert client.get("/stream").text == "ab"
    assert kept.seconds[0] < time.perf_counter() - started_s - 0.3


async def an_answer(*, error: Exception | None = None) -> AnswerEvents:
    yield TextPiece("Yes")
    if error is not None:
        raise error
    yield AnswerDone("answered", "Yes", degraded=("x",), usage={"prompt_tokens": 2})


async def read(kept: Kept, events: AnswerEvents, *, limit: int) -> None:
    count = 0
    started_s = time.perf_counter()
    async with aclosing(measured(events, kept, UNTRACED, started_s=started_s)) as answer:
        async for _ in answer:
            count += 1
            if count == limit:
                return


@pytest.mark.parametrize(
    ("limit", "error", "state"),
    [
        (9, None, "answered"),
        (2, None, "answered"),  # whoever leaves after the end has a whole answer
        (1, None, "stopped"),
        (9, SourcesChanged("deleted"), "failed"),
    ],
)
def test_an_answer_is_told_once(limit: int, error: Exception | None, state: str) -> None:
    kept = Kept()
    with nullcontext() if error is None else pytest.raises(SourcesChanged):
        asyncio.run(read(kept, an_answer(error=error), limit=limit))
    (answer,) = kept.answers
    assert answer.state == state
    assert answer.first_text_s is not None
    assert answer.first_text_s <= answer.total_s
    is_whole = state == "answered"
    assert (answer.degraded, answer.usage) == (
        (("x",), {"prompt_tokens": 2}) if is_whole else ((), {})
    )


async def a_call(*, tokens: int, fails: bool = False) -> AsyncGenerator[ChatResponse, None]:
    for _ in range(tokens):
        yield ChatResponse(message=ChatMessage(content="x"), delta="x")
    if fails:
        raise LlmUnavailable("away")


async def listen(kept: Kept, call: AsyncGenerator[ChatResponse, None], *, limit: int) -> None:
    heard = 0
    async with aclosing(measured_call(call, kept, UNTRACED)) as reply:
        async for _ in reply:
            heard += 1
            if heard == limit:
                return


@pytest.mark.parametrize(
    ("tokens", "fails", "limit", "told"),
    [
        (2, False, 9, ("ok", True)),
        (2, False, 1, ("stopped", True)),
        (1, True, 9, ("failed", True)),
        (0, True, 9, ("failed", False)),
    ],
)
def test_a_call_is_told_however_it_ends(
    tokens: int, fails: bool, limit: int, told: tuple[str, bool]
) -> None:
    kept = Kept()
    with pytest.raises(LlmUnavailable) if fails else nullcontext():
        asyncio.run(listen(kept, a_call(tokens=tokens, fails=fails), limit=limit))
    assert kept.calls == [told]
