"""An OpenAI-compatible endpoint that is asked to count tokens while it streams."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ChatResponseAsyncGen
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.llms.openai_like import OpenAILike
from openai import BadRequestError, UnprocessableEntityError

# Without it OpenAI, vLLM and Ollama count no tokens in a stream.
_WITH_USAGE = {"include_usage": True}


class CountingOpenAILike(OpenAILike):
    """Streams with token counts; an endpoint that refuses is asked without, from then on."""

    _counts: bool = PrivateAttr(default=True)

    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: object
    ) -> ChatResponseAsyncGen:
        """The reply's events. Errors, while they are read: those of the client."""
        return self._events(messages, kwargs)

    async def _events(
        self, messages: Sequence[ChatMessage], kwargs: Mapping[str, object]
    ) -> AsyncGenerator[ChatResponse, None]:
        if self._counts:
            try:
                async for event in await super().astream_chat(
                    messages, stream_options=_WITH_USAGE, **kwargs
                ):
                    yield event
            except (BadRequestError, UnprocessableEntityError):
                pass  # that option, or anything else in the request: the same without it will tell
            else:
                return
        async for event in await super().astream_chat(messages, **kwargs):
            self._counts = False
            yield event
