from __future__ import annotations

import asyncio
import time
from typing import Any

from corpus.access import UNRESTRICTED
from service.answering.events import AnswerEvents, TextPiece
from service.answering.writing.persona import NO_PERSONA
from service.asking.answers import AnswerBegun
from service.asking.preparing import Prepared
from service.asking.question import Question
from service.conversations.condensing import Understood
from service.conversations.dialogue import Dialogue
from service.rest.questions import _ReplyMaker, _streamed


async def breaks_off() -> AnswerEvents:
    yield TextPiece("The anchor ")
    raise ZeroDivisionError("a bug of ours")


def test_a_failure_after_the_first_token_ends_the_stream_with_an_error() -> None:
    question = Question("What does the anchor weigh?", "default", UNRESTRICTED, top_k=8)
    understood = Understood(question.text)
    prepared = Prepared(
        question,
        None,
        NO_PERSONA,
        llm=None,
        top_k=8,
        dialogue=Dialogue("default", "c1"),
        understood=understood,
        started_s=time.perf_counter(),
        timings_ms={},
    )
    begun = AnswerBegun("a1", prepared, breaks_off(), {"retrieval": 1.0})
    reply = _ReplyMaker(begun)

    async def read() -> list[tuple[str, dict[str, Any]]]:
        return [event async for event in _streamed(begun, reply, "request-7")]

    events = asyncio.run(read())
    assert [name for name, _ in events] == ["meta", "token", "error"]
    error = events[-1][1]
    assert set(error) == {"error", "detail", "hint", "request_id"}
    assert (error["error"], error["request_id"]) == ("internal_error", "request-7")
    assert "a bug of ours" not in str(error)
