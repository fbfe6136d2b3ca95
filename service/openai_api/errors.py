"""Errors in OpenAI's shape; `code` is our own stable one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from corpus import errors
from service.http.errors import Problem, sayable

# Which field of a request an error of ours is about; what is not here, the framework found itself.
_PARAMS: Mapping[str, str] = {
    errors.CollectionNotFound.code: "model",
    errors.MessageTooLong.code: "messages",
}
# Codes that clients know by OpenAI's own name.
_CODES: Mapping[str, str] = {
    errors.Unauthorized.code: "invalid_api_key",
    errors.RateLimited.code: "rate_limit_exceeded",
    errors.QuotaExceeded.code: "insufficient_quota",
}


class ErrorDetail(BaseModel):
    """What went wrong."""

    message: str = Field(description="A sentence for a person, and what to do about it.")
    type: str = Field(examples=["invalid_request_error", "rate_limit_error", "server_error"])
    param: str | None = Field(description="The field at fault, where it is one field.")
    code: str = Field(description="Stable code.", examples=["collection_not_found"])


class OpenAiErrorBody(BaseModel):
    """Every error under /v1 has this shape."""

    error: ErrorDetail


def openai_shape(problem: Problem, _request_id: str = "") -> tuple[int, dict[str, Any]]:
    """The status and body as OpenAI's clients expect them; the request's id is in a header."""
    # OpenAI knows no 422: what is wrong with a request is 400 there.
    status = 400 if problem.status == 422 else problem.status
    detail = ErrorDetail(
        message=f"{sayable(problem.detail)} {problem.hint}",
        type=_type_of(status),
        param=problem.param or _PARAMS.get(problem.code),
        code=_CODES.get(problem.code, problem.code),
    )
    return status, OpenAiErrorBody(error=detail).model_dump()


def _type_of(status: int) -> str:
    if status == 429:
        return "rate_limit_error"
    return "server_error" if status >= 500 else "invalid_request_error"
