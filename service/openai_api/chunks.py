"""A completion in chunks, as the data of server-sent events."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from corpus.errors import LecternError, LlmUnavailable, unforeseen
from service.answering.events import AnswerDone, CitationMade, Degraded, TextPiece
from service.asking.answers import AnswerBegun
from service.http.errors import problem_of
from service.openai_api.errors import openai_shape
from service.openai_api.reply import ReplyShape

log = logging.getLogger("lectern.openai_api")

_DONE = "[DONE]"


async def stream_data(
    begun: AnswerBegun, shape: ReplyShape, *, request_id: str, include_usage: bool
) -> AsyncIterator[str]:
    """The data of each event: chunks and then `[DONE]`, or an error as the last one.

    Closing it stops the work.
    """
    yield _json(shape.chunk({"role": "assistant", "content": ""}))
    try:
        async with aclosing(begun.events) as events:
            async for event in events:
                match event:
                    case TextPiece(text):
                        yield _json(shape.chunk({"content": text}))
                    case CitationMade():
                        pass  # all of them come as annotations at the end
                    case AnswerDone() if Degraded.LLM_INTERRUPTED in event.degraded:
                        yield _error(
                            LlmUnavailable("The LLM broke off before the answer was complete.")
                        )
                    case AnswerDone():
                        for chunk in shape.last_chunks(event):
                            yield _json(chunk)
                        if include_usage:
                            yield _json(shape.usage_chunk(event))
                        yield _DONE
    except LecternError as error:
        yield _error(error)
    except Exception:
        # The reply has begun, so no handler can answer any more.
        log.exception("request %s failed", request_id)
        yield _error(unforeseen(request_id))


def _error(error: LecternError) -> str:
    _, body = openai_shape(problem_of(error))
    return _json(body)


def _json(data: dict[str, Any]) -> str:
    # In ASCII: some clients take U+2028 and U+0085 for the end of a line.
    return json.dumps(data)
