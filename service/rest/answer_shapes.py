"""How answers that were given before look over HTTP."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from corpus.turns import Rating, Turn
from service.answering.citations import Citation
from service.answering.events import AnswerState, UnsupportedSentence
from service.answering.writing.persona import Persona
from service.asking.trace import PromptMessage, SearchedFor, Stage, Trace, WeighedEvidence

MAX_COMMENT_CHARS = 4_000


class TurnBody(BaseModel):
    """A question and its answer, as /chat gave it.

    Where a document was deleted that the answer may speak of, `removed` is true, the state null and
    the rest of the answer empty.
    """

    answer_id: str
    conversation_id: str | None
    collection: str
    message: str
    standalone_question: str
    created_at: datetime
    removed: bool
    state: AnswerState | None = None
    answer: str = ""
    citations: list[Citation] = []
    unsupported: list[UnsupportedSentence] = []
    nearest: list[Citation] = []
    related_questions: list[str] = []
    model: str = ""
    usage: dict[str, int] = {}
    degraded: list[str] = []
    rating: Rating | None
    comment: str | None

    @classmethod
    def of(cls, turn: Turn) -> TurnBody:
        """Shape a turn."""
        return cls(
            answer_id=turn.id,
            conversation_id=turn.conversation_id,
            collection=turn.collection,
            message=turn.question,
            standalone_question=turn.standalone_question,
            created_at=turn.created_at,
            removed=turn.is_removed,
            rating=turn.rating,
            comment=turn.comment,
            **turn.reply,
        )


class ExplainBody(TurnBody):
    """How an answer came about.

    Traces are kept for `LECTERN_KEEP_TRACES_DAYS`, and none is of a removed answer, or of one that
    another version explained otherwise: `traced` is false then, and what follows it empty.
    """

    traced: bool
    top_k: int | None = None
    applied_filters: dict[str, Any] = {}
    persona: Persona | None = Field(None, description="The question's own; null: none.")
    searched_for: SearchedFor | None = None
    stages: list[Stage] = []
    evidence: WeighedEvidence | None = None
    prompt: list[PromptMessage] = []
    timings_ms: dict[str, float] = {}

    @classmethod
    def of_trace(cls, turn: Turn, trace: Trace | None, there: Collection[str]) -> ExplainBody:
        """Shape a turn and its trace; of candidates, those of the documents that are `there`."""
        said = TurnBody.of(turn).model_dump()
        if trace is None:
            return cls(**said, traced=False)
        shown = trace.of_documents(there).model_dump()
        return cls(**said, traced=True, applied_filters=shown.pop("filters"), **shown)


class FeedbackRequest(BaseModel):
    """What somebody thinks of an answer."""

    model_config = ConfigDict(extra="forbid")

    answer_id: str = Field(max_length=64)
    rating: Rating
    comment: str | None = Field(None, max_length=MAX_COMMENT_CHARS)


class FeedbackBody(BaseModel):
    """The feedback as it is kept."""

    answer_id: str
    rating: Rating
    comment: str | None
