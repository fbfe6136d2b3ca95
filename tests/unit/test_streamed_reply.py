from __future__ import annotations

import asyncio
import time
from typing import Any

from service.answering.response import AnswerEvents, TextPiece
from service.http.questions import ChatRequest, _ReplyMaker, _streamed
from service.questions import AnswerBegun


async def breaks_off() -> AnswerEvents:
    yield TextPiece("The anchor ")
    raise ZeroDivisionError("a bug of ours")


def test_a_failure_after_the_first_token_ends_the_stream_with_an_error() -> None:
    begun = AnswerBegun(breaks_off(), started_s=time.perf_counter(), retrieval_ms=1.0)
    reply = _ReplyMaker(ChatRequest(message="What does the anchor weigh?"), begun)

    async def read() -> list[tuple[str, dict[str, Any]]]:
        return [event async for event in _streamed(begun, reply, "request-7")]

    events = asyncio.run(read())
    assert [name for name, _ in events] == ["meta", "token", "error"]
    error = events[-1][1]
    assert set(error) == {"error", "detail", "hint", "request_id"}
    assert (error["error"], error["request_id"]) == ("internal_error", "request-7")
    assert "a bug of ours" not in str(error)
