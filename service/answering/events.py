"""What an answer is made of while it comes: events, and the LlamaIndex response carrying them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from llama_index.core.base.response.schema import AsyncStreamingResponse
from llama_index.core.schema import NodeWithScore
from pydantic import BaseModel, ConfigDict, Field

from service.answering.citations import Citation
from service.answering.evidence import Evidence

AnswerState = Literal["answered", "partial", "not_in_documents"]


class Degraded(StrEnum):
    """What was missing, or in the way, of a whole answer or the best search."""

    LLM_UNAVAILABLE = "llm_unavailable"  # sentences of the documents were quoted instead
    LLM_INTERRUPTED = "llm_interrupted"  # it broke off in the middle
    STOPPED = "stopped"  # whoever asked did not wait for the end
    PERSONA_NEEDS_LLM = "persona_needs_llm"  # sentences are quoted as they are
    RERANKER_UNAVAILABLE = "reranker_unavailable"  # passages are in the order they were found in


NOT_FOUND_SENTENCE = "I could not find this in your documents."


@dataclass(frozen=True, slots=True)
class TextPiece:
    """The next characters of the answer, never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class CitationMade:
    """A citation, right after the text piece that shows its number for the first time."""

    citation: Citation


class UnsupportedSentence(BaseModel):
    """A sentence of the answer that no cited passage carries.

    It is `answer[start:end]`, end exclusive; `text` is the same without the markers inside it.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    start: int = Field(ge=0)
    end: int


@dataclass(frozen=True, slots=True)
class AnswerDone:
    """The end of every answer: `answer` is all text pieces joined, `citations` in order of id.

    `unsupported` are the sentences that make a whole answer `partial`, in their order. `nearest`
    are the closest sentences of an answer that was withheld; they do not answer the question, so
    none is `supported`. `degraded` names what was missing. `usage` counts tokens as the LLM
    reported them (empty when it did not); `model` wrote the answer. How it came about: the
    `evidence` it was given or withheld for, and the `prompt`, (role, text) of each message, where a
    model was asked. `related` are questions to go on with.
    """

    state: AnswerState
    answer: str
    citations: tuple[Citation, ...] = ()
    unsupported: tuple[UnsupportedSentence, ...] = ()
    nearest: tuple[Citation, ...] = ()
    degraded: tuple[str, ...] = ()
    usage: Mapping[str, int] = field(default_factory=dict)
    model: str = ""
    evidence: Evidence | None = None
    prompt: tuple[tuple[str, str], ...] = ()
    related: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """What a caller is told of it."""
        return {
            "state": self.state,
            "answer": self.answer,
            "citations": [one.model_dump() for one in self.citations],
            "unsupported": [one.model_dump() for one in self.unsupported],
            "nearest": [one.model_dump() for one in self.nearest],
            "related_questions": list(self.related),
            "model": self.model,
            "usage": dict(self.usage),
            "degraded": list(self.degraded),
        }


AnswerEvent: TypeAlias = TextPiece | CitationMade | AnswerDone
AnswerEvents: TypeAlias = AsyncGenerator[AnswerEvent, None]


class CitedResponse(AsyncStreamingResponse):
    """A LlamaIndex streaming response whose stream can also be read as events.

    The answer is made while it is read, once: read either `events()` or `response_gen`. Closing
    the one that is read stops the work, the LLM call included.
    """

    def __init__(self, events: AnswerEvents, source_nodes: Sequence[NodeWithScore]) -> None:
        self._events = events
        super().__init__(
            response_gen=self._texts(),
            source_nodes=list(source_nodes),
            metadata={found.node.node_id: found.node.metadata for found in source_nodes},
        )

    def events(self) -> AnswerEvents:
        """Text pieces and citations as they come, `AnswerDone` last."""
        return self._events

    async def _texts(self) -> AsyncGenerator[str, None]:
        async with aclosing(self._events) as events:
            async for event in events:
                if isinstance(event, TextPiece):
                    yield event.text


async def not_in_documents(
    *,
    nearest: Sequence[Citation] = (),
    degraded: Sequence[str] = (),
    usage: Mapping[str, int] | None = None,
    model: str = "",
    evidence: Evidence | None = None,
    prompt: tuple[tuple[str, str], ...] = (),
) -> AnswerEvents:
    """The whole answer when the documents hold none: the standard sentence, no citation."""
    yield TextPiece(NOT_FOUND_SENTENCE)
    yield AnswerDone(
        "not_in_documents",
        NOT_FOUND_SENTENCE,
        nearest=tuple(nearest),
        degraded=tuple(degraded),
        usage=usage or {},
        model=model,
        evidence=evidence,
        prompt=prompt,
    )
