"""Whether the process is alive, and whether it can do its work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError

from corpus.errors import LecternError, Unavailable
from service.callers import STRANGER
from service.http.error_shape import ErrorBody
from service.http.errors import RETRY_AFTER_S, error_body
from service.http.state import AnyCaller, Parts, RequestIdentity
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
    checks: ChecksBody | None = Field(
        None, description="Not for strangers, where keys are asked for."
    )
    llm: str | None = Field(None, description="Neither is this.")


class NotReadyBody(ReadinessBody, ErrorBody):
    """The same, and the error that it is."""


# By HEAD too, as monitors ask.
@router.head("/", include_in_schema=False, response_model=RootBody)
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


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", operation_id="checkHealth")
async def healthz() -> HealthBody:
    """The process answers. Touches nothing else."""
    return HealthBody()


@router.head(
    "/readyz",
    include_in_schema=False,
    response_model=ReadinessBody,
    response_model_exclude_none=True,
)
@router.get(
    "/readyz",
    operation_id="checkReadiness",
    response_model=ReadinessBody,
    response_model_exclude_none=True,
    responses={503: {"model": NotReadyBody, "description": "Something does not answer."}},
)
def readyz(
    parts: Parts, caller: AnyCaller, request_id: RequestIdentity
) -> ReadinessBody | JSONResponse:
    """Whether questions and uploads can be served; each dependency with its own word.

    Without a key, where keys are asked for, it is only said whether.
    """
    checks = ChecksBody(
        registry=_check(parts.registry.ping),
        index=_check(parts.store.ping),
        originals=_check(parts.originals.ping),
        worker="ok" if parts.worker_is_alive() else "no worker is alive",
    )
    mode = "extractive" if parts.llm is None else parts.llm.metadata.model_name
    wrong = [f"{name}: {word}" for name, word in checks if word != "ok"]
    more = {} if caller is STRANGER else {"checks": checks, "llm": mode}
    if not wrong:
        return ReadinessBody(status="ready", **more)
    detail = "Not ready." if caller is STRANGER else f"Not ready: {'; '.join(wrong)}."
    said = error_body(request_id, Unavailable.code, detail, Unavailable.default_hint)
    body = NotReadyBody(status="not_ready", **more, **said)
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return JSONResponse(body.model_dump(exclude_none=True), status_code=503, headers=headers)


def _check(dependency: Callable[[], object]) -> str:
    try:
        dependency()
    except (Unavailable, SQLAlchemyError) as error:
        return error.detail if isinstance(error, LecternError) else "the database does not answer"
    return "ok"
