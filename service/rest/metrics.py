"""Figures about this process for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Response

from corpus.errors import NotPermitted
from service.http.state import Measures, Parts
from service.measures import METRICS_CONTENT_TYPE

router = APIRouter(tags=["operations"])


@router.get(
    "/metrics",
    operation_id="getMetrics",
    response_class=Response,
    response_description="Figures in Prometheus' text format.",
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(parts: Parts, reader: Measures) -> Response:
    """Figures for Prometheus: requests, answers, the queue, and the worker beside this process.

    What needs the database or the index is at most a few seconds old; it is missing, and
    `lectern_registry_up` or `lectern_index_up` 0, where these do not answer within seconds. They
    are of all documents: they need the scope `metrics`, and a key that is for all collections.
    """
    if reader.collections is not None:
        raise NotPermitted("Figures are of all collections.", hint="Use a key for all of them.")
    return Response(parts.metrics(), media_type=METRICS_CONTENT_TYPE)
