"""How an answer came about, as it is kept beside it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import BaseModel, Field, ValidationError, field_validator

from service.answering.evidence import ENOUGH, Evidence
from service.answering.writing.persona import Persona


class Candidate(BaseModel):
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


class Stage(BaseModel):
    """What a step of retrieval left: `count` passages, the first of them in `candidates`.

    The stages are `found` (by the index), `live` (not deleted or replaced), `ranked`, and
    `reranked` where there is a reranker.
    """

    stage: str
    count: int
    candidates: list[Candidate]


class SearchedFor(BaseModel):
    """The question without its instructions, and what its pages may say besides."""

    plain: str
    related: list[str]


class WeighedEvidence(BaseModel):
    """What spoke for an answer; below `threshold` it is withheld where no LLM judges.

    Null where a passage had so many of the question's words that an LLM was asked at once.
    """

    strength: float
    threshold: float
    closeness: float = Field(description="Cosine of the best sentence with the question.")
    coverage: float = Field(description="Share of the question's words in its passage.")
    is_of_others: bool = Field(description="No passage has a name, or a year, of the question.")

    @classmethod
    def of(cls, evidence: Evidence) -> WeighedEvidence:
        """As it is weighed today."""
        return cls(
            strength=round(evidence.strength, 4),
            threshold=ENOUGH,
            closeness=round(evidence.closeness, 4),
            coverage=round(evidence.coverage, 4),
            is_of_others=evidence.is_of_others,
        )


class PromptMessage(BaseModel):
    """A message that the LLM was sent."""

    role: str
    content: str


class Trace(BaseModel):
    """How an answer came about.

    `persona` is the question's own, None for the collection's. `timings_ms` has a step each.
    """

    top_k: int
    filters: dict[str, Any]
    persona: Persona | None = None
    searched_for: SearchedFor
    stages: list[Stage]
    evidence: WeighedEvidence | None
    prompt: list[PromptMessage]
    timings_ms: dict[str, float]

    @field_validator("evidence", mode="before")
    @classmethod
    def _weighed(cls, kept: object) -> object:
        """Earlier versions kept what was weighed, without the outcome."""
        if isinstance(kept, dict) and "strength" not in kept:
            return WeighedEvidence.of(Evidence(**kept))
        return kept

    @field_validator("prompt", mode="before")
    @classmethod
    def _messages(cls, kept: object) -> object:
        """Earlier versions kept pairs of role and content."""
        if isinstance(kept, list):
            return [
                {"role": one[0], "content": one[1]} if isinstance(one, list) else one
                for one in kept
            ]
        return kept

    @classmethod
    def read(cls, kept: Mapping[str, Any] | None) -> Trace | None:
        """The trace as it was kept; None for none, and for one of a version that kept others."""
        try:
            return None if kept is None else cls.model_validate(kept)
        except ValidationError:
            return None

    def document_ids(self) -> set[str]:
        """Of all candidates, also of those that the answer has nothing from."""
        ids = (one.document_id for stage in self.stages for one in stage.candidates)
        return {one for one in ids if one is not None}

    def of_documents(self, there: Collection[str]) -> Trace:
        """The same without candidates of other documents: nobody is told that they were found."""
        stages = []
        for stage in self.stages:
            kept = [one for one in stage.candidates if one.document_id in there]
            struck = len(stage.candidates) - len(kept)
            changed = {"candidates": kept, "count": stage.count - struck}
            stages.append(stage.model_copy(update=changed))
        return self.model_copy(update={"stages": stages})
