"""What the tools take. The texts are for the model that fills them in."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from corpus.errors import InvalidFilter, InvalidRequest
from corpus.values import Status
from service.asking.question import (
    ANSWER_TOP_K,
    DEFAULT_COLLECTION,
    MAX_QUESTION_CHARS,
    MAX_TOP_K,
    SEARCH_TOP_K,
)

MAX_LISTED = 100

# Only with a bound does pydantic refuse half a surrogate pair, which nothing could search for.
Text = Annotated[str, Field(min_length=1)]
Collection = Annotated[
    str, Field(description="Which set of documents; list_documents says of each where it is.")
]
Filters = Annotated[
    dict[str, Any] | None,
    Field(
        description="Narrows what is looked at. An unknown field or operator is an error. "
        + InvalidFilter.default_hint,
        examples=[{"filename": "report.pdf"}, {"page": {"gte": 3, "lte": 5}}],
    ),
]

TopK = Annotated[int, Field(ge=1, le=MAX_TOP_K)] | None


class Arguments(BaseModel):
    """An argument that a tool does not have is an error, never ignored."""

    model_config = ConfigDict(extra="forbid")


class SearchArguments(Arguments):
    """What to look for, and where."""

    query: Text = Field(
        description=f"A question or words, at most {MAX_QUESTION_CHARS} characters.",
        examples=["capital expenditure in 2022"],
    )
    collection: Collection = DEFAULT_COLLECTION
    filters: Filters = None
    top_k: TopK = Field(
        None, description=f"Passages to return, at most; {SEARCH_TOP_K} unless the collection says."
    )


class AskArguments(Arguments):
    """What to ask, and where."""

    question: Text = Field(
        description=f"A question that can be understood by itself, at most {MAX_QUESTION_CHARS} "
        "characters.",
        examples=["How much did 3M invest in 2022?"],
    )
    collection: Collection = DEFAULT_COLLECTION
    filters: Filters = None
    top_k: TopK = Field(
        None,
        description=f"Passages to answer from, at most; {ANSWER_TOP_K} unless the collection says.",
    )


class ListDocumentsArguments(Arguments):
    """Which documents to list; all of them when nothing is given."""

    collection: str | None = Field(None, description="Only documents of this collection.")
    status: Status | None = Field(None, description="Only documents of this status.")
    limit: int = Field(50, ge=1, le=MAX_LISTED, description="Documents to return, at most.")
    cursor: Text | None = Field(None, description="`next_cursor` of the result before, unchanged.")


class ReadPageArguments(Arguments):
    """Which page to read, and from where on."""

    document_id: UUID
    page: int = Field(ge=1, description="Counts from 1.")
    start_char: int | None = Field(
        None,
        description="Where to begin on a long page, in the offsets that passages and citations "
        "have; left out: where the page begins.",
    )


A = TypeVar("A", bound=Arguments)


def read_arguments(kind: type[A], raw: dict[str, Any]) -> A:
    """The arguments in decoded JSON, or `InvalidRequest` that names the first one at fault."""
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidRequest(f"{where}: {first['msg']}.") from None
