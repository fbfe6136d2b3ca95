"""Figures about this process for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Response

from service.http.state import Parts
from service.measures import METRICS_CONTENT_TYPE

router = APIRouter(tags=["operations"])


@router.get(
    "/metrics",
    operation_id="getMetrics",
    response_class=Response,
    response_description="Figures in Prometheus' text format.",
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(parts: Parts) -> Response:
    """Figures for Prometheus: requests, answers, the queue, and the worker beside this process.

    What needs the database or the index is at most a few seconds old; it is missing, and
    `lectern_registry_up` or `lectern_index_up` 0, where these do not answer within seconds.
    """
    return Response(parts.metrics(), media_type=METRICS_CONTENT_TYPE)
