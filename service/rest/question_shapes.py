"""How questions and answers look over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from service.answering.citations import Citation
from service.answering.events import AnswerState, UnsupportedSentence
from service.answering.writing.persona import Persona
from service.asking.question import (
    ANSWER_TOP_K,
    DEFAULT_COLLECTION,
    MAX_QUESTION_CHARS,
    MAX_TOP_K,
    SEARCH_TOP_K,
)
from service.http.error_shape import ErrorBody
from service.rest.parameters import CollectionName

FILTERS = (
    'Narrows what is searched: `{"field": value}`, or with an operator (`eq`, `ne`, `in`, `gt`, '
    '`gte`, `lt`, `lte`) `{"field": {"gte": value}}`; several fields must all hold. `and` and `or` '
    "take lists of filters, `not` takes one. The fields are `filename`, `document_id`, "
    "`media_type`, `page`, `created_at`, and what the collection declares as `metadata_fields`. "
    "Where there is no value, `ne` and `not` hold. What is unknown is refused."
)
# `Question` has codes of its own for what is too long, or blank.
Words = Annotated[
    str,
    Field(min_length=1, json_schema_extra={"maxLength": MAX_QUESTION_CHARS, "pattern": r"\S"}),
]
TopK = Annotated[int, Field(ge=1, le=MAX_TOP_K, strict=True)] | None
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
