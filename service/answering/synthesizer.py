"""The LlamaIndex synthesizer whose answers stand on passages with a place in a document.

Stock synthesizers hand only texts to their subclasses; a citation needs the nodes, so `synthesize`
and `asynthesize` are replaced as a whole.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncGenerator, Sequence
from typing import cast

from llama_index.core.async_utils import asyncio_run
from llama_index.core.base.response.schema import Response
from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload
from llama_index.core.indices.prompt_helper import ChatPromptHelper, PromptHelper
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.events.synthesis import (
    SynthesizeEndEvent,
    SynthesizeStartEvent,
)
from llama_index.core.llms import LLM
from llama_index.core.prompts.mixin import PromptDictType
from llama_index.core.response_synthesizers import BaseSynthesizer
from llama_index.core.schema import NodeWithScore, QueryBundle, QueryType

from service.answering.events import AnswerDone, AnswerEvents, CitedResponse, not_in_documents
from service.answering.passages import Passage, passages_from

_dispatcher = get_dispatcher(__name__)


class GroundedSynthesizer(BaseSynthesizer):
    """Turns nodes into a `CitedResponse`; subclasses make the events."""

    def __init__(self, llm: LLM) -> None:
        # LlamaIndex fills whatever is missing here from its global Settings, and its default
        # tokenizer takes a second to load; neither helper is used by our synthesizers.
        super().__init__(
            llm=llm,
            callback_manager=CallbackManager(),
            prompt_helper=PromptHelper(tokenizer=str.split),
            chat_prompt_helper=ChatPromptHelper(tokenizer=str.split),
            streaming=True,
        )

    @abstractmethod
    def answer_events(self, query: QueryBundle, passages: Sequence[Passage]) -> AnswerEvents:
        """Answer from `passages` (best first, never empty), `AnswerDone` last.

        `query.embedding` is the question's embedding when the retriever left it there.
        """

    async def asynthesize(
        self,
        query: QueryType,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
        **_response_kwargs: object,
    ) -> CitedResponse:
        """Return at once; the answer is made while the response is read."""
        bundle = QueryBundle(query) if isinstance(query, str) else query
        _dispatcher.event(SynthesizeStartEvent(query=bundle))
        with self._callback_manager.event(
            CBEventType.SYNTHESIZE, payload={EventPayload.QUERY_STR: bundle.query_str}
        ) as event:
            passages = passages_from(nodes)
            events = self.answer_events(bundle, passages) if passages else not_in_documents()
            response = CitedResponse(events, [*nodes, *(additional_source_nodes or ())])
            event.on_end(payload={EventPayload.RESPONSE: response})
        _dispatcher.event(SynthesizeEndEvent(query=bundle, response=response))
        return response

    def synthesize(
        self,
        query: QueryType,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
        **response_kwargs: object,
    ) -> Response:
        """Return the finished answer; `metadata` holds its `state` and `citations`."""

        async def finished() -> Response:
            streaming = await self.asynthesize(
                query, nodes, additional_source_nodes, **response_kwargs
            )
            done = await answer_of(streaming.events())
            return Response(
                done.answer,
                source_nodes=streaming.source_nodes,
                metadata={"state": done.state, "citations": [*done.citations]},
            )

        return cast("Response", asyncio_run(finished()))

    def get_response(self, query_str: str, text_chunks: Sequence[str], **_: object) -> str:
        """Not offered: bare texts cannot be cited."""
        raise NotImplementedError("Use synthesize with nodes: bare texts cannot be cited.")

    async def aget_response(
        self, query_str: str, text_chunks: Sequence[str], **_: object
    ) -> AsyncGenerator[str, None]:
        """Not offered: bare texts cannot be cited."""
        raise NotImplementedError("Use asynthesize with nodes: bare texts cannot be cited.")

    def _get_prompts(self) -> PromptDictType:
        return {}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        """No prompt templates: prompts.py is data of this package."""


async def answer_of(events: AnswerEvents) -> AnswerDone:
    """Read `events` to the end and return the `AnswerDone`."""
    async for event in events:
        if isinstance(event, AnswerDone):
            return event
    raise RuntimeError("The answer's events ended without AnswerDone.")
