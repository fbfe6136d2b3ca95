"""Questions: search for passages, or chat for a cited answer, at once or as a stream."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, StrictBool
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
    SourcesChanged,
)
from service.answering.citations import Citation
from service.answering.persona import Persona
from service.answering.response import (
    LLM_INTERRUPTED,
    AnswerDone,
    AnswerState,
    CitationMade,
    TextPiece,
    UnsupportedSentence,
)
from service.asking.checking import MAX_QUESTION_CHARS, MAX_TOP_K, check_question
from service.asking.questions import (
    ANSWER_TOP_K,
    DEFAULT_COLLECTION,
    SEARCH_TOP_K,
    AnswerBegun,
    Keeping,
    answer,
    ask,
    search,
    since_ms,
)
from service.http.document_shapes import ErrorBody
from service.http.errors import error_body
from service.http.events import event_stream
from service.http.openapi import errors, event_stream_of
from service.http.parameters import CollectionName
from service.http.state import Parts, RequestIdentity
from service.leaving import while_connected

log = logging.getLogger("lectern.http")

router = APIRouter(tags=["questions"])

FILTERS = (
    'Narrows what is searched: `{"field": value}`, or with an operator (`eq`, `ne`, `in`, `gt`, '
    '`gte`, `lt`, `lte`) `{"field": {"gte": value}}`; several fields must all hold. `and` and `or` '
    "take lists of filters, `not` takes one. The fields are `filename`, `document_id`, "
    "`media_type`, `page`, `created_at`, and what the collection declares as `metadata_fields`. "
    "Where there is no value, `ne` and `not` hold. What is unknown is refused."
)
# `check_question` has codes of its own for what is too long, or blank.
Words = Annotated[
    str,
    Field(min_length=1, json_schema_extra={"maxLength": MAX_QUESTION_CHARS, "pattern": r"\S"}),
]
TopK = Annotated[int, Field(ge=1, le=MAX_TOP_K)] | None
Filters = Annotated[
    dict[str, Any] | None,
    Field(
        description=FILTERS,
        examples=[{"filename": "report.pdf"}, {"year": {"gte": 2022}, "not": {"team": "legal"}}],
    ),
]


class SearchRequest(BaseModel):
    """A search within one collection."""

    model_config = ConfigDict(extra="forbid")

    query: Words = Field(examples=["capital expenditure in 2022"])
    collection: CollectionName = DEFAULT_COLLECTION
    filters: Filters = None
    top_k: TopK = Field(
        None,
        description="Hits, at most; null: as many as the collection's settings say, else "
        f"{SEARCH_TOP_K}.",
    )


# The last two are there for rows of a table: `table_html` may be shown as it is.
SHOWN_METADATA = ("title", "heading_path", "media_type", "version", "table_header", "table_html")


class Hit(BaseModel):
    """A passage; offsets count characters in the document's text, `score` orders the hits."""

    document_id: str
    filename: str
    page: int
    text: str
    score: float
    start_char: int
    end_char: int
    metadata: dict[str, Any]


class SearchReply(BaseModel):
    """Hits, best first; `applied_filters` repeats what was filtered by."""

    hits: list[Hit]
    degraded: list[str]
    applied_filters: dict[str, Any]
    timings_ms: dict[str, float]


class ChatRequest(BaseModel):
    """A question to one collection."""

    model_config = ConfigDict(extra="forbid")

    message: Words = Field(examples=["How much did 3M invest in 2022?"])
    collection: CollectionName | None = Field(
        None, description=f"Null: the conversation's, else `{DEFAULT_COLLECTION}`."
    )
    conversation_id: str | None = Field(
        None, max_length=64, description="Go on with this one; null begins another."
    )
    filters: Filters = None
    stream: StrictBool = False
    persona: Persona | None = Field(
        None, description="How the LLM is to write; null: as the collection has it."
    )
    keep: StrictBool = Field(
        True, description="False: nothing is noted of it, and it begins no conversation."
    )
    top_k: TopK = Field(
        None,
        description="Passages to answer from, at most; null: as many as the collection's settings "
        f"say, else {ANSWER_TOP_K}.",
    )


class ChatReply(BaseModel):
    """An answer; each `[n]` in it is the citation with that id.

    `unsupported` are the sentences that no cited passage carries; they make an answer `partial`.
    `nearest` are the closest sentences where the state is `not_in_documents`: places to look at, no
    answers, so none of them is `supported`.
    """

    answer_id: str
    conversation_id: str | None
    standalone_question: str = Field(
        description="The question as it was understood: a follow-up says what it left out."
    )
    state: AnswerState
    answer: str
    citations: list[Citation]
    unsupported: list[UnsupportedSentence]
    nearest: list[Citation]
    related_questions: list[str]
    model: str
    usage: dict[str, int]
    degraded: list[str]
    applied_filters: dict[str, Any]
    timings_ms: dict[str, float]


class ChatMeta(BaseModel):
    """What is known before the answer."""

    answer_id: str
    conversation_id: str | None
    standalone_question: str


class ChatToken(BaseModel):
    """The next characters of the answer."""

    text: str


class ChatEvents(BaseModel):
    """The server-sent events of a streamed answer: their names, and what their data is."""

    meta: ChatMeta = Field(description="The first event.")
    token: ChatToken = Field(description="All texts joined are the answer.")
    citation: Citation = Field(description="After the text that first shows its number.")
    done: ChatReply = Field(description="The last event: the whole reply.")
    error: ErrorBody = Field(description="The last event instead, where something failed.")


QUESTION_ERRORS = (
    MalformedJson,
    MessageTooLong,
    InvalidCollectionName,
    InvalidFilter,
    CollectionNotFound,
    IndexUnavailable,
    EmbeddingUnavailable,
)


@router.post("/search", operation_id="search", responses=errors(*QUESTION_ERRORS))
async def search_passages(parts: Parts, body: SearchRequest) -> SearchReply:
    """Passages that fit the query, best first."""
    question = check_question(body.query, body.collection, body.top_k, body.filters)
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
        **errors(*QUESTION_ERRORS, ConversationNotFound, PersonaFixed, SourcesChanged),
    },
)
async def chat(
    request: Request, parts: Parts, request_id: RequestIdentity, body: ChatRequest
) -> ChatReply | EventSourceResponse:
    """Answer from the documents, with citations, or say that they do not tell.

    With `"stream": true`: server-sent events `meta`, `token`, `citation`, then `done` with the
    whole reply, or `error`. An answer whose sources are deleted or replaced while it is made is
    made anew; a stream, which has begun, ends with the error `sources_changed`.
    """
    question = replace(
        check_question(body.message, body.collection, body.top_k, body.filters),
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
                    case AnswerDone() if LLM_INTERRUPTED in event.degraded:
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
        yield _error_event(request_id, LecternError("The service failed for a reason of its own."))


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
