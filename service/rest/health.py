"""Whether the process is alive, and whether it can do its work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from corpus.errors import LecternError, Unavailable
from service.http.error_shape import ErrorBody
from service.http.errors import RETRY_AFTER_S, error_body
from service.http.state import Parts, RequestIdentity
from service.web.page import page_response, wants_page

router = APIRouter(tags=["operations"])


class RootBody(BaseModel):
    """Where to go from here."""

    service: str
    api: str
    health: str


class HealthBody(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class ChecksBody(BaseModel):
    """Each dependency: `ok`, or a sentence about what is wrong."""

    registry: str
    index: str
    originals: str
    worker: str


class ReadinessBody(BaseModel):
    """Whether questions and uploads can be served; `llm` writes the answers, or `extractive`."""

    status: Literal["ready", "not_ready"]
    checks: ChecksBody
    llm: str


class NotReadyBody(ReadinessBody, ErrorBody):
    """The same, and the error that it is."""


@router.get(
    "/",
    operation_id="getRoot",
    response_model=RootBody,
    responses={200: {"content": {"text/html": {"schema": {"type": "string"}}}}},
)
async def root(request: Request, response: Response) -> RootBody | Response:
    """Where to go from here; for a browser, the web page."""
    if wants_page(request):
        return page_response(request)
    response.headers["Vary"] = "Accept"
    return RootBody(service="lectern", api="/openapi.json", health="/readyz")


@router.get("/healthz", operation_id="checkHealth")
async def healthz() -> HealthBody:
    """The process answers. Touches nothing else."""
    return HealthBody()


@router.get(
    "/readyz",
    operation_id="checkReadiness",
    response_model=ReadinessBody,
    responses={503: {"model": NotReadyBody, "description": "Something does not answer."}},
)
def readyz(parts: Parts, request_id: RequestIdentity) -> ReadinessBody | JSONResponse:
    """Whether questions and uploads can be served; each dependency with its own word."""
    checks = ChecksBody(
        registry=_check(parts.registry.ping),
        index=_check(parts.store.ping),
        originals=_check(parts.originals.ping),
        worker="ok" if parts.worker_is_alive() else "no worker is alive",
    )
    mode = "extractive" if parts.llm is None else parts.llm.metadata.model_name
    wrong = [f"{name}: {word}" for name, word in checks if word != "ok"]
    if not wrong:
        return ReadinessBody(status="ready", checks=checks, llm=mode)
    detail = f"Not ready: {'; '.join(wrong)}."
    said = error_body(request_id, Unavailable.code, detail, Unavailable.default_hint)
    body = NotReadyBody(status="not_ready", checks=checks, llm=mode, **said)
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return JSONResponse(body.model_dump(), status_code=503, headers=headers)


def _check(dependency: Callable[[], object]) -> str:
    try:
        dependency()
    except (Unavailable, SQLAlchemyError) as error:
        return error.detail if isinstance(error, LecternError) else "the database does not answer"
    return "ok"
