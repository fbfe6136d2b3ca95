"""Answers given before: what was said, why, and what people thought of it."""

from __future__ import annotations

from fastapi import APIRouter

from corpus.errors import AnswerNotFound, InvalidRequest, MalformedJson, StorageUnavailable
from corpus.registry.turns import find_turn, rate_answer
from service.answering.evidence import Evidence
from service.http.answer_shapes import (
    EvidenceBody,
    ExplainBody,
    FeedbackBody,
    FeedbackRequest,
    PromptMessageBody,
    SearchedForBody,
    StageBody,
    TurnBody,
)
from service.http.openapi import errors
from service.http.parameters import AnswerId
from service.http.state import Parts

router = APIRouter(
    tags=["questions"], responses=errors(InvalidRequest, AnswerNotFound, StorageUnavailable)
)


@router.get("/answers/{answer_id}", operation_id="getAnswer")
def read(parts: Parts, answer_id: AnswerId) -> TurnBody:
    """An answer that was given before."""
    with parts.registry.read() as connection:
        return TurnBody.of(find_turn(connection, answer_id))


@router.get("/answers/{answer_id}/explain", operation_id="explainAnswer")
def explain(parts: Parts, answer_id: AnswerId) -> ExplainBody:
    """How an answer came about: queries, candidates and scores of each stage, prompt, timings."""
    with parts.registry.read() as connection:
        turn = find_turn(connection, answer_id)
    said = TurnBody.of(turn).model_dump()
    trace = turn.trace
    if trace is None:
        return ExplainBody(**said, traced=False)
    evidence = trace["evidence"]
    return ExplainBody(
        **said,
        traced=True,
        top_k=trace["top_k"],
        applied_filters=trace["filters"],
        searched_for=SearchedForBody(**trace["searched_for"]),
        stages=[StageBody(**stage) for stage in trace["stages"]],
        evidence=None if evidence is None else EvidenceBody.of(Evidence(**evidence)),
        prompt=[PromptMessageBody(role=role, content=text) for role, text in trace["prompt"]],
        timings_ms=trace["timings_ms"],
    )


@router.post("/feedback", operation_id="rateAnswer", responses=errors(MalformedJson))
def feedback(parts: Parts, body: FeedbackRequest) -> FeedbackBody:
    """Rate an answer; a second rating takes the place of the first."""
    with parts.registry.write() as connection:
        rate_answer(connection, body.answer_id, body.rating, body.comment)
    return FeedbackBody(**body.model_dump())
