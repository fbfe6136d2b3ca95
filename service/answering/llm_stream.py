"""One streamed call of an LLM: text as it comes, vendor errors as ours, stopped when closed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence

import httpx
import openai
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.llms import LLM

from corpus.errors import LlmUnavailable

_log = logging.getLogger(__name__)

# All that the client libraries raise for an endpoint that is away or refuses: the OpenAI client
# wraps most of it, but errors while streaming come from httpx as they are.
VENDOR_ERRORS = (openai.OpenAIError, httpx.HTTPError, httpx.StreamError, httpx.InvalidURL)
# What LlamaIndex and the client raise when the reply is not what the protocol says: they take the
# fields of an event as they come (JSONDecodeError is a ValueError).
_WRONG_SHAPE = (ValueError, TypeError, AttributeError, LookupError)

# Without it OpenAI, vLLM and Ollama count no tokens in a stream.
_WITH_USAGE = {"include_usage": True}
# How a server says that it does not know that option (or anything else in the request).
_REFUSED_REQUEST = (openai.BadRequestError, openai.UnprocessableEntityError)

# A model that repeats itself without end is cut off; nobody reads an answer of twenty pages.
MAX_REPLY_CHARS = 64_000
_TOKEN_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")


class LlmStream:
    """Read `pieces()` once; `usage` is filled by then, if the endpoint reports it.

    `timeout_s` bounds the whole call in seconds, from the request to the last piece, whether the
    endpoint is silent or only slow.
    """

    def __init__(self, llm: LLM, messages: Sequence[ChatMessage], *, timeout_s: float) -> None:
        self._llm = llm
        self._messages = messages
        self._timeout_s = timeout_s
        self.usage: Mapping[str, int] = {}

    async def pieces(self) -> AsyncGenerator[str, None]:
        """Yield the reply's text in pieces, none empty; closing this ends the call.

        Errors: LlmUnavailable, also in the middle.
        """
        # LlamaIndex wraps the vendor's stream in generators that do not pass `aclose` on, so the
        # connection would stay open. A task that is always waiting for the network can be
        # cancelled at any time, and that unwinds all of them.
        arrived: asyncio.Queue[str | None] = asyncio.Queue()
        reader = asyncio.create_task(self._read(arrived))
        try:
            while (piece := await arrived.get()) is not None:
                yield piece
            await reader
        finally:
            reader.cancel()
            await asyncio.wait([reader])
            if not reader.cancelled():
                reader.exception()  # else asyncio logs an error that nobody asked for any more

    async def _read(self, arrived: asyncio.Queue[str | None]) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._pass_on(arrived)
        except TimeoutError as error:
            _log.warning("The LLM call took longer than %g s.", self._timeout_s)
            raise LlmUnavailable(f"The LLM did not end within {self._timeout_s:g} s.") from error
        except (*VENDOR_ERRORS, *_WRONG_SHAPE) as error:
            # The vendor's message may hold the key or the prompt: its kind is enough to act on.
            status = getattr(error, "status_code", None)
            kind = type(error).__name__ if status is None else f"{type(error).__name__} {status}"
            _log.warning("The LLM call failed: %s", kind)
            raise LlmUnavailable(f"The LLM endpoint gave no usable answer ({kind}).") from error
        finally:
            arrived.put_nowait(None)

    async def _pass_on(self, arrived: asyncio.Queue[str | None]) -> None:
        length_chars = 0
        async for chunk in self._chunks():
            self._count(chunk)
            if chunk.delta:
                arrived.put_nowait(chunk.delta)
                length_chars += len(chunk.delta)
            if length_chars > MAX_REPLY_CHARS:
                raise LlmUnavailable(f"The LLM did not end within {MAX_REPLY_CHARS} characters.")

    async def _chunks(self) -> AsyncGenerator[ChatResponse, None]:
        """The reply's events; asked for once more without counting when the first is refused."""
        try:
            async for chunk in await self._llm.astream_chat(
                self._messages, stream_options=_WITH_USAGE
            ):
                yield chunk
        except _REFUSED_REQUEST:
            async for chunk in await self._llm.astream_chat(self._messages):
                yield chunk

    def _count(self, chunk: ChatResponse) -> None:
        counts = {
            name: chunk.additional_kwargs[name]
            for name in _TOKEN_COUNTS
            if isinstance(chunk.additional_kwargs.get(name), int)
        }
        if counts:
            self.usage = counts
