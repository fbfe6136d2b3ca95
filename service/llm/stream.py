"""One streamed call of an LLM: text as it comes, within time and length, stopped when closed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.llms import LLM

from corpus.errors import LlmUnavailable
from corpus.text.storable import storable
from service.llm.usage import is_cut_off, usage_of

_log = logging.getLogger(__name__)

# A model that repeats itself without end is cut off; nobody reads an answer of twenty pages.
MAX_REPLY_CHARS = 64_000


class LlmStream:
    """Read `pieces()` once; `usage` is filled by then, if the endpoint reports it.

    `llm` raises LlmUnavailable for whatever goes wrong, as `GuardedLlm` does. `timeout_s` bounds
    the whole call in seconds, from the request to the last piece, whether the endpoint is silent
    or only slow.
    """

    def __init__(self, llm: LLM, messages: Sequence[ChatMessage], *, timeout_s: float) -> None:
        self._llm = llm
        # What a caller sends may hold half of a surrogate pair, which no request can carry.
        self._messages = [
            ChatMessage(role=one.role, content=storable(one.content or "")) for one in messages
        ]
        self._timeout_s = timeout_s
        self.usage: Mapping[str, int] = {}

    async def pieces(self) -> AsyncGenerator[str, None]:
        """Yield the reply's text in pieces, none empty; closing this ends the call.

        What has come while the reader was busy is one piece: a fast model costs no more than a slow
        one.

        Errors: LlmUnavailable, also in the middle.
        """
        # LlamaIndex wraps the vendor's stream in generators that do not pass `aclose` on, so the
        # connection would stay open. A task that is always waiting for the network can be
        # cancelled at any time, and that unwinds all of them.
        arrived: asyncio.Queue[str | None] = asyncio.Queue()
        reader = asyncio.create_task(self._read(arrived))
        try:
            while (piece := await arrived.get()) is not None:
                more = _all_in(arrived)
                yield "".join([piece, *(one for one in more if one is not None)])
                if None in more:
                    break
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
        finally:
            arrived.put_nowait(None)

    async def _pass_on(self, arrived: asyncio.Queue[str | None]) -> None:
        length_chars = 0
        was_cut = False
        async for event in await self._llm.astream_chat(self._messages):
            self.usage = usage_of(event) or self.usage
            was_cut = was_cut or is_cut_off(event)
            if event.delta:
                arrived.put_nowait(event.delta)
                length_chars += len(event.delta)
            if length_chars > MAX_REPLY_CHARS:
                raise LlmUnavailable(f"The LLM did not end within {MAX_REPLY_CHARS} characters.")
        if was_cut:
            raise LlmUnavailable("The LLM's reply ends at its limit of tokens.")


def _all_in(queue: asyncio.Queue[str | None]) -> list[str | None]:
    """What is in the queue now."""
    return [queue.get_nowait() for _ in range(queue.qsize())]
