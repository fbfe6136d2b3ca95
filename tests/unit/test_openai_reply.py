from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import httpx
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from corpus.access import UNRESTRICTED
from service.answering.events import AnswerDone, AnswerEvents, CitationMade, TextPiece
from service.answering.writing.persona import NO_PERSONA
from service.asking.answers import AnswerBegun
from service.asking.preparing import Prepared
from service.asking.question import Question
from service.conversations.condensing import Understood
from service.conversations.dialogue import Dialogue
from service.http.errors import Problem
from service.http.sse import kept_alive
from service.openai_api.chunks import stream_data
from service.openai_api.errors import openai_shape
from service.openai_api.reply import ReplyShape, annotations_of
from tests.unit.test_openai_messages import citation

BASE_URL = "http://127.0.0.1:8000/"


async def nothing_at_all() -> AnswerEvents:
    return
    yield


def begun(events: AnswerEvents) -> AnswerBegun:
    question = Question("What does the anchor weigh?", "default", UNRESTRICTED, top_k=8)
    prepared = Prepared(
        question,
        None,
        NO_PERSONA,
        llm=None,
        top_k=8,
        dialogue=Dialogue("default"),
        understood=Understood(question.text),
        started_s=time.perf_counter(),
        timings_ms={},
    )
    return AnswerBegun("a1", prepared, events, {})


def shape_of(answer: AnswerBegun, *, with_sources: bool = True) -> ReplyShape:
    return ReplyShape(answer, base_url=BASE_URL, with_sources=with_sources)


def read(events: AnswerEvents, *, with_sources: bool = True) -> list[str]:
    answer = begun(events)
    shape = shape_of(answer, with_sources=with_sources)

    async def collect() -> list[str]:
        stream = stream_data(answer, shape, request_id="request-7", include_usage=True)
        return [data async for data in stream]

    return asyncio.run(collect())


def content_of(data: list[str]) -> str:
    chunks = [json.loads(one) for one in data if one != "[DONE]"]
    return "".join(
        choice["delta"].get("content", "") for one in chunks for choice in one["choices"]
    )


def test_each_marker_of_a_citation_is_an_annotation() -> None:
    answer = "It is 41 m tall [2], and red [1][2]. See a[3], [17], [٢] and [" + "2" * 5_000 + "]."
    found = list(annotations_of(answer, [citation(1), citation(2, "b.pdf", 9)], BASE_URL))
    places = [(one.url_citation.start_index, one.url_citation.end_index) for one in found]
    assert [answer[start:end] for start, end in places] == ["[2]", "[1]", "[2]"]
    assert found[0].url_citation.url == "http://127.0.0.1:8000/documents/d1/pages/9"
    assert found[0].url_citation.title == "b.pdf, page 9"


@given(
    st.lists(
        st.sampled_from(["Oil ", "[1]", "[2]", " [", "]", "\n\n", "é\u2028\x85", "\U0001f4a1"])
    ),
    st.booleans(),
)
def test_the_chunks_joined_are_the_whole_content(pieces: list[str], with_sources: bool) -> None:
    done = AnswerDone("answered", "".join(pieces), citations=(citation(1), citation(2)))

    async def events() -> AnswerEvents:
        for piece in pieces:
            yield TextPiece(piece)
        yield CitationMade(citation(1))
        yield done

    data = read(events(), with_sources=with_sources)
    # Whatever a client takes for the end of a line, there is none within an event.
    assert all(len(one.splitlines()) == 1 for one in data)
    whole = shape_of(begun(nothing_at_all()), with_sources=with_sources).whole(done)
    message = whole.choices[0].message
    assert content_of(data) == message.content
    assert message.content.startswith(done.answer)
    assert ("Sources:" in message.content) is with_sources
    for one in message.annotations:
        marked = slice(one.url_citation.start_index, one.url_citation.end_index)
        assert message.content[marked] in {"[1]", "[2]"}


def test_a_failure_after_the_first_chunk_ends_the_stream_with_an_error() -> None:
    async def breaks_off() -> AnswerEvents:
        yield TextPiece("The anchor ")
        raise ZeroDivisionError("a bug of ours")

    data = read(breaks_off())
    error = json.loads(data[-1])["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["code"]) == ("server_error", "internal_error")
    assert "request-7" in error["message"]
    assert "a bug of ours" not in data[-1]


def test_an_answer_that_broke_off_does_not_look_complete() -> None:
    done = AnswerDone("partial", "The anchor", degraded=("llm_interrupted",))
    whole = shape_of(begun(nothing_at_all())).whole(done)
    assert whole.choices[0].finish_reason == "length"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (422, (400, "invalid_request_error")),
        (404, (404, "invalid_request_error")),
        (429, (429, "rate_limit_error")),
        (503, (503, "server_error")),
    ],
)
def test_errors_have_the_status_and_type_that_clients_know(
    status: int, expected: tuple[int, str]
) -> None:
    shaped, body = openai_shape(Problem(status, "x", "It said '\ud800'.", "Do this.", param="n"))
    error = body["error"]
    assert (shaped, error["type"]) == expected
    assert error["message"] == r"It said '\ud800'. Do this."
    assert (error["param"], error["code"]) == ("n", "x")


def test_the_official_client_reads_past_keep_alive_comments() -> None:
    async def slow() -> AnswerEvents:
        for piece in ("The anchor ", "weighs ", "90 kilograms [1]."):
            await asyncio.sleep(1.2)
            yield TextPiece(piece)
        yield AnswerDone("answered", "The anchor weighs 90 kilograms [1].")

    async def complete(_request: Request) -> EventSourceResponse:
        answer = begun(slow())
        data = stream_data(answer, shape_of(answer), request_id="r", include_usage=False)
        stream = kept_alive(data)
        stream.ping_interval = 1
        return stream

    raw: list[bytes] = []

    async def note(response: httpx.Response) -> None:
        raw.append(await response.aread())

    async def talk() -> list[Any]:
        app = Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])])
        http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), event_hooks={"response": [note]}
        )
        async with openai.AsyncOpenAI(
            base_url="http://lectern/v1", api_key="none", http_client=http
        ) as client:
            stream = await client.chat.completions.create(
                model="default", messages=[{"role": "user", "content": "?"}], stream=True
            )
            return [chunk async for chunk in stream]

    chunks = asyncio.run(talk())
    assert b"\n: ping" in raw[0]
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert said == "The anchor weighs 90 kilograms [1]."
