"""What a question must be before it is asked, whichever way it came in."""

from __future__ import annotations

from typing import Any

from corpus.errors import InvalidRequest, MessageTooLong
from corpus.names import check_collection_name
from service.asking.questions import Question

MAX_QUESTION_CHARS = 8_000  # a page or two; the embedding reads the first 256 tokens anyway
MAX_TOP_K = 50


def check_question(
    text: str, collection: str | None, top_k: int | None, filters: dict[str, Any] | None
) -> Question:
    """The question, ready to be asked; `filters` is decoded JSON.

    Errors: InvalidRequest when it is empty, MessageTooLong, InvalidCollectionName, InvalidFilter.
    """
    if not text.strip():
        raise InvalidRequest("The question is empty.", hint="Ask in words.")
    if len(text) > MAX_QUESTION_CHARS:
        raise MessageTooLong(
            f"The question has {len(text)} characters; {MAX_QUESTION_CHARS} are accepted."
        )
    if collection is not None:
        check_collection_name(collection)
    return Question(text, collection, top_k, filters)
