"""Whether the process is alive, and whether it can do its work."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from corpus.errors import Unavailable
from service.callers import STRANGER
from service.http.error_shape import ErrorBody
from service.http.errors import RETRY_AFTER_S, error_body
from service.http.state import AnyCaller, Parts, RequestIdentity
from service.readiness import look_at
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
    """Whether questions are answered; `llm` writes the answers, or `extractive`."""

    status: Literal["ready", "not_ready"]
    checks: ChecksBody | None = Field(
        None, description="Not for strangers, where keys are asked for."
    )
    degraded: list[str] | None = Field(
        None,
        description="Codes of what is away while questions are answered, `no_worker` for instance: "
        "documents wait. Not for strangers.",
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
    """Whether questions are answered; each dependency with its own word.

    Ready it is too without what answers do without, workers elsewhere for instance: `degraded`
    names that, and uploads wait, or are refused with that code. Without a key, where keys are asked
    for, it is only said whether.
    """
    readiness = look_at(parts.dependencies)
    words = {one.name: "ok" if away is None else away.detail for one, away in readiness.found}
    mode = "extractive" if parts.llm is None else parts.llm.metadata.model_name
    more = {} if caller is STRANGER else {"checks": ChecksBody(**words), "llm": mode}
    if readiness.is_ready:
        degraded = None if caller is STRANGER else readiness.degraded
        return ReadinessBody(status="ready", degraded=degraded, **more)
    wrong = "; ".join(f"{name}: {word}" for name, word in words.items() if word != "ok")
    detail = "Not ready." if caller is STRANGER else f"Not ready: {wrong}."
    said = error_body(request_id, Unavailable.code, detail, Unavailable.default_hint)
    body = NotReadyBody(status="not_ready", **more, **said)
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return JSONResponse(body.model_dump(exclude_none=True), status_code=503, headers=headers)
