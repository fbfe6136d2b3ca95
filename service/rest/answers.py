"""Answers given before: what was said, why, and what people thought of it."""

from __future__ import annotations

from fastapi import APIRouter

from corpus.errors import AnswerNotFound, InvalidRequest, MalformedJson, StorageUnavailable
from corpus.registry.documents import live_versions
from corpus.registry.turns import find_turn, rate_answer
from service.asking.trace import Trace
from service.http.state import Parts, Reads
from service.rest.answer_shapes import ExplainBody, FeedbackBody, FeedbackRequest, TurnBody
from service.rest.openapi import error_responses
from service.rest.parameters import AnswerId

router = APIRouter(
    tags=["questions"],
    responses=error_responses(InvalidRequest, AnswerNotFound, StorageUnavailable),
)


@router.get("/answers/{answer_id}", operation_id="getAnswer")
def read(parts: Parts, reader: Reads, answer_id: AnswerId) -> TurnBody:
    """An answer that was given before."""
    with parts.registry.read() as connection:
        return TurnBody.of(find_turn(connection, answer_id, reader))


@router.get("/answers/{answer_id}/explain", operation_id="explainAnswer")
def explain(parts: Parts, reader: Reads, answer_id: AnswerId) -> ExplainBody:
    """How an answer came about: queries, candidates and scores of each stage, prompt, timings."""
    with parts.registry.read() as connection:
        turn = find_turn(connection, answer_id, reader)
        trace = Trace.read(turn.trace)
        there = live_versions(connection, trace.document_ids(), reader) if trace else {}
    return ExplainBody.of_trace(turn, trace, there)


@router.post("/feedback", operation_id="rateAnswer", responses=error_responses(MalformedJson))
def feedback(parts: Parts, reader: Reads, body: FeedbackRequest) -> FeedbackBody:
    """Rate an answer; a second rating takes the place of the first."""
    with parts.registry.write() as connection:
        rate_answer(connection, body.answer_id, body.rating, body.comment, reader)
    return FeedbackBody(**body.model_dump())
