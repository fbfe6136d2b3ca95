"""Chat completions: a question to a collection, answered whole or as a stream."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Request
from sse_starlette import EventSourceResponse

from corpus.access import Reader
from corpus.errors import InvalidRequest
from service.asking.answers import AnswerBegun, answer, ask
from service.asking.question import Keeping, Question
from service.http.sse import kept_alive
from service.http.state import Asks, Parts, RequestIdentity
from service.leaving import while_connected
from service.openai_api.chunks import stream_data
from service.openai_api.messages import read_messages
from service.openai_api.models import require_model
from service.openai_api.reply import Completion, ReplyShape
from service.openai_api.request import CompletionRequest
from service.parts import ServiceParts

router = APIRouter()


@router.post(
    "/v1/chat/completions",
    response_model=Completion,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def complete_chat(
    request: Request,
    parts: Parts,
    reader: Asks,
    request_id: RequestIdentity,
    body: CompletionRequest,
    x_lectern_sources: Annotated[
        Literal["on", "off"], Header(description="Off: no list of sources ends the content.")
    ] = "on",
) -> Completion | EventSourceResponse:
    """Answer the last user message from the documents of the collection that `model` names.

    With `"stream": true`: chunks as server-sent events, `[DONE]` last; what goes wrong once they
    have begun comes as an `error` in their place.
    """
    question = await asyncio.to_thread(_read, parts, body, reader)

    # A proxy may have taken away HTTPS, and a part of the path.
    base_url = parts.settings.public_url.rstrip("/") or str(request.base_url).rstrip("/")

    def shape(begun: AnswerBegun) -> ReplyShape:
        return ReplyShape(begun, base_url=f"{base_url}/", with_sources=x_lectern_sources == "on")

    if body.stream:
        begun = await while_connected(request.receive, ask(parts, question))
        data = stream_data(
            begun, shape(begun), request_id=request_id, include_usage=body.include_usage
        )
        return kept_alive(data)
    begun, done = await while_connected(request.receive, answer(parts, question))
    return shape(begun).whole(done)


def _read(parts: ServiceParts, body: CompletionRequest, reader: Reader) -> Question:
    if body.n is not None and body.n > 1:
        raise InvalidRequest(
            f"n is {body.n}, and there is one answer to a question.", hint="Leave n out."
        )
    require_model(parts.registry, body.model, reader)
    asked = read_messages(body.messages)
    # The client keeps the conversation; the answer can be looked up by its id.
    return Question(asked.text, body.model, reader, keeping=Keeping.ANSWER, past=asked.past)
