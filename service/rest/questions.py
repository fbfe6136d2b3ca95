"""Questions: search for passages, or chat for a cited answer, at once or as a stream."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request
from sse_starlette import EventSourceResponse

from corpus.errors import (
    CollectionNotFound,
    ConversationNotFound,
    EmbeddingUnavailable,
    IndexUnavailable,
    InvalidCollectionName,
    InvalidFilter,
    LecternError,
    LlmUnavailable,
    MalformedJson,
    MessageTooLong,
    PersonaFixed,
    QuotaExceeded,
    SourcesChanged,
    unforeseen,
)
from service.answering.events import AnswerDone, CitationMade, Degraded, TextPiece
from service.asking.answers import AnswerBegun, answer, ask
from service.asking.question import Keeping, Question
from service.asking.searching import search
from service.asking.timing import since_ms
from service.http.errors import error_body
from service.http.sse import event_stream
from service.http.state import Asks, Parts, RequestIdentity
from service.leaving import while_connected
from service.rest.openapi import error_responses, event_stream_of
from service.rest.question_shapes import (
    SHOWN_METADATA,
    ChatEvents,
    ChatReply,
    ChatRequest,
    Hit,
    SearchReply,
    SearchRequest,
)

log = logging.getLogger("lectern.http")

router = APIRouter(tags=["questions"])

QUESTION_ERRORS = (
    MalformedJson,
    MessageTooLong,
    QuotaExceeded,
    InvalidCollectionName,
    InvalidFilter,
    CollectionNotFound,
    IndexUnavailable,
    EmbeddingUnavailable,
)


@router.post("/search", operation_id="search", responses=error_responses(*QUESTION_ERRORS))
async def search_passages(parts: Parts, reader: Asks, body: SearchRequest) -> SearchReply:
    """Passages that fit the query, best first."""
    question = Question(body.query, body.collection, reader, body.top_k, body.filters)
    found = await search(parts, question)
    hits = [
        Hit(
            document_id=meta["document_id"],
            filename=meta["filename"],
            page=meta["page"],
            text=hit.node.get_content(),
            score=hit.score or 0.0,
            start_char=meta["start_char"],
            end_char=meta["end_char"],
            metadata={key: meta[key] for key in SHOWN_METADATA if key in meta},
        )
        for hit in found.nodes
        for meta in [hit.node.metadata]
    ]
    return SearchReply(
        hits=hits,
        degraded=list(found.degraded),
        applied_filters=body.filters or {},
        timings_ms={"retrieval": found.retrieval_ms},
    )


@router.post(
    "/chat",
    operation_id="ask",
    response_model=ChatReply,
    response_description="The reply; with `stream`, server-sent events, as `ChatEvents` has them.",
    responses={
        200: {"content": event_stream_of(ChatEvents)},
        **error_responses(*QUESTION_ERRORS, ConversationNotFound, PersonaFixed, SourcesChanged),
    },
)
async def chat(
    request: Request,
    parts: Parts,
    reader: Asks,
    request_id: RequestIdentity,
    body: ChatRequest,
) -> ChatReply | EventSourceResponse:
    """Answer from the documents, with citations, or say that they do not tell.

    With `"stream": true`: server-sent events `meta`, `token`, `citation`, then `done` with the
    whole reply, or `error`. An answer whose sources are deleted or replaced while it is made is
    made anew; a stream, which has begun, ends with the error `sources_changed`.
    """
    question = Question(
        body.message,
        body.collection,
        reader,
        body.top_k,
        body.filters,
        conversation_id=body.conversation_id,
        keeping=Keeping.CONVERSATION if body.keep else Keeping.NOTHING,
        persona=body.persona,
    )
    if body.stream:
        begun = await while_connected(request.receive, ask(parts, question))
        return event_stream(_streamed(begun, _ReplyMaker(begun), request_id))
    begun, done = await while_connected(request.receive, answer(parts, question))
    return _ReplyMaker(begun).whole(done)


async def _streamed(
    begun: AnswerBegun, reply: _ReplyMaker, request_id: str
) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    try:
        async with aclosing(begun.events) as events:
            yield "meta", reply.meta()
            async for event in events:
                match event:
                    case TextPiece(text):
                        reply.note_first_token()
                        yield "token", {"text": text}
                    case CitationMade(citation):
                        yield "citation", citation.model_dump()
                    case AnswerDone() if Degraded.LLM_INTERRUPTED in event.degraded:
                        yield _error_event(
                            request_id,
                            LlmUnavailable("The LLM broke off before the answer was complete."),
                        )
                    case AnswerDone():
                        yield "done", reply.whole(event).model_dump(mode="json")
    except LecternError as error:
        yield _error_event(request_id, error)
    except Exception:
        # The reply has begun, so no handler can answer any more: without this, the client would
        # see a connection that breaks off.
        log.exception("request %s failed", request_id)
        yield _error_event(request_id, unforeseen(request_id))


def _error_event(request_id: str, error: LecternError) -> tuple[str, dict[str, Any]]:
    return "error", {**error_body(request_id, error.code, error.detail, error.hint)}


class _ReplyMaker:
    """Shapes one answer; measures it on the way."""

    def __init__(self, begun: AnswerBegun) -> None:
        self._begun = begun
        self._started_s = begun.prepared.started_s
        self._timings_ms = {**begun.timings_ms}

    def meta(self) -> dict[str, Any]:
        prepared = self._begun.prepared
        return {
            "answer_id": self._begun.answer_id,
            "conversation_id": prepared.dialogue.conversation_id,
            "standalone_question": prepared.understood.text,
        }

    def note_first_token(self) -> None:
        self._timings_ms.setdefault("first_token", since_ms(self._started_s))

    def whole(self, done: AnswerDone) -> ChatReply:
        self._timings_ms["total"] = since_ms(self._started_s)
        return ChatReply(
            **self.meta(),
            **done.as_json(),
            applied_filters=dict(self._begun.prepared.question.filters or {}),
            timings_ms=self._timings_ms,
        )
