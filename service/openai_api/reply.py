"""What a completed chat is, whole and in chunks."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from service.answering.citations import Citation
from service.answering.events import AnswerDone, AnswerState, Degraded, UnsupportedSentence
from service.asking.answers import AnswerBegun
from service.openai_api.sources import place, sources_list

_MARKER = re.compile(r"\[([1-9][0-9]{0,2})\]")


class UrlCitation(BaseModel):
    """Where the marker is in the content (`end_index` exclusive), and the page it points to."""

    start_index: int
    end_index: int
    title: str
    url: str


class Annotation(BaseModel):
    """A marker `[n]` in the content that is a citation."""

    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitation


class ReplyMessage(BaseModel):
    """The answer; unless it is switched off, the content ends with a list of its sources."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None
    annotations: list[Annotation]


class Choice(BaseModel):
    """The only choice; the reason `length` says that the LLM broke off before it was complete."""

    index: Literal[0] = 0
    message: ReplyMessage
    logprobs: None = None
    finish_reason: Literal["stop", "length"]


class Usage(BaseModel):
    """Tokens as the LLM reported them; zeros where none did."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int

    @classmethod
    def of(cls, usage: Mapping[str, int]) -> Usage:
        """Shape it."""
        prompt, completion = usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0)
        return cls(
            prompt_tokens=prompt,
            completion_tokens=completion,
            total_tokens=usage.get("total_tokens", prompt + completion),
        )


class OwnExtra(BaseModel):
    """What the protocol has no place for; as in the reply of /chat."""

    answer_id: str
    standalone_question: str
    state: AnswerState
    citations: list[Citation]
    unsupported: list[UnsupportedSentence]
    nearest: list[Citation]
    model: str = Field(description="What wrote the answer.")
    degraded: list[str]


class Completion(BaseModel):
    """An answer in OpenAI's shape."""

    id: str = Field(examples=["chatcmpl-00000000-0000-4000-8000-000000000000"])
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
    lectern: OwnExtra


class ReplyShape:
    """Shapes one answer; `base_url` (ends with `/`) is this service as the client knows it."""

    def __init__(self, begun: AnswerBegun, *, base_url: str, with_sources: bool) -> None:
        self._begun = begun
        self._base_url = base_url
        self._with_sources = with_sources
        self._id = f"chatcmpl-{begun.answer_id}"
        self._model = begun.prepared.dialogue.collection
        self._created = int(time.time())

    def whole(self, done: AnswerDone) -> Completion:
        """The answer at once."""
        message = ReplyMessage(
            content=done.answer + self._sources(done), annotations=self._annotations(done)
        )
        finish_reason: Literal["stop", "length"] = (
            "length" if Degraded.LLM_INTERRUPTED in done.degraded else "stop"
        )
        return Completion(
            id=self._id,
            created=self._created,
            model=self._model,
            choices=[Choice(message=message, finish_reason=finish_reason)],
            usage=Usage.of(done.usage),
            lectern=self._extra(done),
        )

    def chunk(
        self, delta: Mapping[str, Any], *, finish_reason: Literal["stop"] | None = None
    ) -> dict[str, Any]:
        """A piece of the answer."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return self._chunk([choice])

    def last_chunks(self, done: AnswerDone) -> Iterator[dict[str, Any]]:
        """What follows the answer's text: its sources and annotations, then the end."""
        sources, annotations = self._sources(done), self._annotations(done)
        if sources or annotations:
            # All annotations at once: clients keep the last list, or cannot add lists up.
            annotated = [one.model_dump() for one in annotations]
            yield self.chunk({"content": sources, "annotations": annotated})
        lectern = self._extra(done).model_dump()
        yield {**self.chunk({}, finish_reason="stop"), "lectern": lectern}

    def usage_chunk(self, done: AnswerDone) -> dict[str, Any]:
        """The tokens used, beside no piece."""
        return {**self._chunk([]), "usage": Usage.of(done.usage).model_dump()}

    def _chunk(self, choices: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self._model,
            "choices": choices,
        }

    def _sources(self, done: AnswerDone) -> str:
        return sources_list(done.citations) if self._with_sources else ""

    def _annotations(self, done: AnswerDone) -> list[Annotation]:
        return list(annotations_of(done.answer, done.citations, self._base_url))

    def _extra(self, done: AnswerDone) -> OwnExtra:
        return OwnExtra(
            answer_id=self._begun.answer_id,
            standalone_question=self._begun.prepared.understood.text,
            **done.as_json(),
        )


def annotations_of(
    answer: str, citations: Sequence[Citation], base_url: str
) -> Iterator[Annotation]:
    """An annotation for each marker of a citation, in the order of the text."""
    cited = {citation.id: citation for citation in citations}
    for marker in _MARKER.finditer(answer):
        if citation := cited.get(int(marker[1])):
            page = f"documents/{citation.document_id}/pages/{citation.page}"
            yield Annotation(
                url_citation=UrlCitation(
                    start_index=marker.start(),
                    end_index=marker.end(),
                    title=place(citation),
                    url=base_url + page,
                )
            )
