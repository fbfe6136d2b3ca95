"""Short replies of the LLM, read as a whole."""

from __future__ import annotations

from contextlib import aclosing

from service.llm.stream import LlmStream
from service.llm.thinking import ThinkingFilter

# Of the time that an answer's call may take: that needs most of it.
SHORT_REPLY_SHARE = 0.25


async def short_reply(stream: LlmStream, *, max_chars: int) -> str:
    """The reply without what the model thinks aloud; reading stops behind `max_chars`.

    Errors: LlmUnavailable.
    """
    thinking = ThinkingFilter()
    said = ""
    async with aclosing(stream.pieces()) as pieces:
        async for piece in pieces:
            said += thinking.feed(piece)
            if len(said) > max_chars:
                break
    return said + thinking.finish()
