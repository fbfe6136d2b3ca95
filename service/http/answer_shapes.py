"""How answers that were given before look over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from corpus.turns import Rating, Turn
from service.answering.citations import Citation
from service.answering.evidence import ENOUGH, Evidence
from service.answering.response import AnswerState, UnsupportedSentence

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


class CandidateBody(BaseModel):
    """A passage at one stage; `score` is that stage's, higher is better.

    Where it was found, `dense` is its cosine with the question and `sparse` its BM25 score; null
    where a search did not have it.
    """

    node_id: str
    document_id: str | None
    filename: str | None
    page: int | None
    score: float
    dense: float | None = None
    sparse: float | None = None


class StageBody(BaseModel):
    """What a step of retrieval left: `count` passages, the first of them in `candidates`.

    The stages are `found` (by the index), `live` (not deleted or replaced), `ranked`, and
    `reranked` where there is a reranker.
    """

    stage: str
    count: int
    candidates: list[CandidateBody]


class SearchedForBody(BaseModel):
    """The question without its instructions, and what its pages may say besides."""

    plain: str
    related: list[str]


class EvidenceBody(BaseModel):
    """What spoke for an answer; below `threshold` it is withheld where no LLM judges.

    Null where a passage had so many of the question's words that an LLM was asked at once.
    """

    strength: float
    threshold: float = ENOUGH
    closeness: float = Field(description="Cosine of the best sentence with the question.")
    coverage: float = Field(description="Share of the question's words in its passage.")
    is_of_others: bool = Field(description="No passage has a name, or a year, of the question.")

    @classmethod
    def of(cls, evidence: Evidence) -> EvidenceBody:
        """Shape it."""
        return cls(
            strength=round(evidence.strength, 4),
            closeness=round(evidence.closeness, 4),
            coverage=round(evidence.coverage, 4),
            is_of_others=evidence.is_of_others,
        )


class PromptMessageBody(BaseModel):
    """A message that the LLM was sent."""

    role: str
    content: str


class ExplainBody(TurnBody):
    """How an answer came about.

    Traces are kept for `LECTERN_KEEP_TRACES_DAYS`, and none is of a removed answer: `traced` is
    false then, and what follows it empty.
    """

    traced: bool
    top_k: int | None = None
    applied_filters: dict[str, Any] = {}
    searched_for: SearchedForBody | None = None
    stages: list[StageBody] = []
    evidence: EvidenceBody | None = None
    prompt: list[PromptMessageBody] = []
    timings_ms: dict[str, float] = {}


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
