"""A question, whichever way it came in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from corpus.access import Reader
from corpus.errors import InvalidRequest, MessageTooLong
from corpus.names import check_collection_name
from service.answering.writing.persona import Persona
from service.conversations.past import PastTurn

# Uploading makes a collection, but this one may be asked before anything was uploaded.
DEFAULT_COLLECTION = "default"

# How many passages are found, or answered from, where neither the question nor its collection says.
SEARCH_TOP_K = 10
ANSWER_TOP_K = 8

MAX_QUESTION_CHARS = 8_000  # a page or two; the embedding reads the first 256 tokens anyway
MAX_TOP_K = 50


class Keeping(Enum):
    """What is kept of a question: the answer as a turn, the answer by itself, or nothing."""

    CONVERSATION = auto()
    ANSWER = auto()
    NOTHING = auto()


@dataclass(frozen=True, slots=True)
class Question:
    """A question to one collection, asked by `reader`: of what they may read.

    With a `conversation_id` it goes on from what was said there; `collection` may then be None,
    which is the conversation's, and otherwise the default one. `filters` are as the caller wrote
    them: only the collection tells what they mean. `past` is what was said before, where the
    caller keeps the conversation, or where one begins in the middle of a talk. At most `top_k`
    passages are used. `persona` and `top_k` None are the collection's. One that `is_private` is not
    suggested to others; one that `is_past_private` neither, where it was rewritten by what was said
    before, and nothing that was understood by `past` is kept.

    Errors: InvalidRequest when the text is empty, MessageTooLong, InvalidCollectionName.
    """

    text: str
    collection: str | None
    reader: Reader
    top_k: int | None = None
    filters: Mapping[str, Any] | None = None
    conversation_id: str | None = None
    keeping: Keeping = Keeping.CONVERSATION
    past: tuple[PastTurn, ...] = ()
    persona: Persona | None = None
    is_private: bool = False
    is_past_private: bool = False

    def __post_init__(self) -> None:
        """Raise InvalidRequest for an empty text, MessageTooLong, or InvalidCollectionName."""
        if not self.text.strip():
            raise InvalidRequest("The question is empty.", hint="Ask in words.")
        if len(self.text) > MAX_QUESTION_CHARS:
            raise MessageTooLong(
                f"The question has {len(self.text)} characters; {MAX_QUESTION_CHARS} are accepted."
            )
        if self.collection is not None:
            check_collection_name(self.collection)
