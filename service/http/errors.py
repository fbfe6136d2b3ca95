"""Every error with its status code, in the one shape of the API or in that of its address."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from corpus import errors
from corpus.errors import LecternError
from service.leaving import ClientLeftError

log = logging.getLogger("lectern.http")

RETRY_AFTER_S = 5
REFUSED_RETRY_AFTER_S = 60  # somebody has to mend it first
RETRIED_STATUSES = frozenset({429, 503})

# One row for each leaf of the tree; a test demands it.
STATUS_OF: Mapping[type[LecternError], int] = {
    errors.InvalidRequest: 422,
    errors.EmptyFile: 400,
    errors.UnknownFileKind: 415,
    errors.DuplicateContent: 409,
    errors.NothingToRollBack: 409,
    errors.ExternalIdTaken: 409,
    errors.BelongsToParent: 409,
    errors.FileTooLarge: 413,
    errors.RequestTooLarge: 413,
    errors.MalformedJson: 400,
    errors.MalformedUpload: 400,
    errors.TooManyFiles: 413,
    errors.InvalidCollectionName: 422,
    errors.CollectionExists: 409,
    errors.InvalidFilter: 422,
    errors.InvalidMetadata: 422,
    errors.MessageTooLong: 422,
    errors.ForeignHost: 403,
    errors.PersonaFixed: 403,
    errors.Unauthorized: 401,
    errors.NotPermitted: 403,
    errors.RateLimited: 429,
    errors.QuotaExceeded: 429,
    errors.KeyNotFound: 404,
    errors.CollectionBusy: 409,
    errors.DocumentNotFound: 404,
    errors.PageNotFound: 404,
    errors.NoPagePicture: 404,
    errors.CollectionNotFound: 404,
    errors.ConversationNotFound: 404,
    errors.AnswerNotFound: 404,
    errors.BrokenFile: 422,
    errors.EncryptedFile: 422,
    errors.NeedsOcr: 422,
    errors.NoText: 422,
    errors.NeedsLibreOffice: 422,
    errors.NeedsSoftware: 422,
    errors.ParserCrashed: 422,
    errors.ParserTimeout: 422,
    errors.IngestionTimeout: 422,
    errors.OriginalMissing: 422,
    errors.IndexUnavailable: 503,
    errors.IndexRefused: 503,
    errors.EmbeddingUnavailable: 503,
    errors.LlmUnavailable: 503,
    errors.QueueFull: 429,
    errors.StorageUnavailable: 503,
    errors.SourcesChanged: 503,
    errors.ParserUnavailable: 503,
    errors.IdentityUnavailable: 503,
    errors.DataDirInUse: 503,
    errors.BackupUnusable: 503,
    errors.EmbeddingMismatch: 503,
    errors.StoreOfAnother: 503,
    errors.IndexSuperseded: 503,
    errors.WeightsMissing: 503,
    errors.UnsafeBinding: 503,
}

_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")

# For what the framework finds out before an endpoint is reached.
_CODE_OF_STATUS = {
    404: ("not_found", "Check the address; /openapi.json lists the endpoints."),
    405: ("method_not_allowed", "Use a method that /openapi.json lists for this address."),
    413: ("request_too_large", errors.RequestTooLarge.default_hint),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """What a caller is told of an error; `param` is the field at fault, where it is one field.

    `retry_after_s`: when it may work, where that is known.
    """

    status: int
    code: str
    detail: str
    hint: str
    param: str | None = None
    retry_after_s: int = RETRY_AFTER_S


# The status and the body that say it; `request_id` finds the request in the server's log.
ErrorShape: TypeAlias = Callable[[Problem, str], tuple[int, dict[str, Any]]]


def problem_of(error: LecternError) -> Problem:
    """What the caller is told of one of our own errors."""
    found = Problem(status_of(error), error.code, error.detail, error.hint)
    if isinstance(error, errors.TooManyRequests):
        return replace(found, retry_after_s=error.retry_after_s)
    if isinstance(error, errors.IndexRefused):
        return replace(found, retry_after_s=REFUSED_RETRY_AFTER_S)
    return found


def status_of(error: LecternError) -> int:
    """The status code of an error: its own row's, or that of the nearest ancestor."""
    for kind in type(error).__mro__:
        if kind in STATUS_OF:
            return STATUS_OF[kind]
    return 503 if isinstance(error, errors.Unavailable) else 500


def error_body(request_id: str, code: str, detail: str, hint: str) -> dict[str, str]:
    """The body that every error has; it can always be encoded."""
    return {"error": code, "detail": sayable(detail), "hint": hint, "request_id": request_id}


def sayable(detail: str) -> str:
    """The sentence as it can be encoded."""
    # What the caller sent may be quoted in it, and JSON's \ud800 is no character.
    return detail.encode(errors="backslashreplace").decode()


def error_response(
    scope: Scope, problem: Problem, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The error in the shape that its address has."""
    state = scope["state"]
    state["error_code"] = problem.code  # for the audit log
    shape: ErrorShape = state.get("error_shape", _lectern_shape)
    status, body = shape(problem, state["request_id"])
    retry = {"Retry-After": str(problem.retry_after_s)} if status in RETRIED_STATUSES else {}
    return JSONResponse(body, status_code=status, headers={**(headers or {}), **retry})


def _lectern_shape(problem: Problem, request_id: str) -> tuple[int, dict[str, Any]]:
    body = error_body(request_id, problem.code, problem.detail, problem.hint)
    return problem.status, {**body}


def log_unavailable(request_id: str, error: LecternError) -> None:
    """Note in the log, with its reason, what is not the caller's fault."""
    if status_of(error) >= 500:
        log.warning("request %s: %s", request_id, error.detail, exc_info=error.__cause__)


def install_error_handlers(app: FastAPI) -> None:
    """Answer every exception with an error body."""
    app.add_exception_handler(LecternError, _on_lectern_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(ClientLeftError, _on_client_left)
    app.add_exception_handler(Exception, on_unexpected)


def _on_lectern_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, LecternError)  # noqa: S101  registered for this class only
    log_unavailable(request.state.request_id, error)
    return error_response(request.scope, problem_of(error))


def _on_validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    problems: Sequence[Any] = error.errors()
    if any(problem.get("type") == "json_invalid" for problem in problems):
        return _malformed_json(request)
    first = problems[0] if problems else {"loc": (), "msg": "unknown"}
    where = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    detail = f"{where}: {first['msg']}."
    hint = errors.InvalidRequest.default_hint
    return error_response(request.scope, Problem(422, "invalid_request", detail, hint, param=where))


def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    if error.status_code == 400:
        return _on_unread_body(request, error)
    code, hint = _CODE_OF_STATUS.get(
        error.status_code, ("http_error", errors.InvalidRequest.default_hint)
    )
    problem = Problem(error.status_code, code, f"{error.detail}.", hint)
    headers = {"Allow": _allowed(request)} if error.status_code == 405 else error.headers
    return error_response(request.scope, problem, headers)


def _allowed(request: Request) -> str:
    """All methods of the address; the framework names those of the first route alone."""
    routes: Sequence[BaseRoute] = request.app.routes
    return ", ".join(
        method
        for method in _METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes
        )
    )


def _on_unread_body(request: Request, error: HTTPException) -> JSONResponse:
    """The framework's one 400, for all that can happen while it reads a body."""
    if isinstance(error.__cause__, OSError):
        # Files on their way in are spooled to the disk, which may be full.
        failure = errors.StorageUnavailable("The request could not be stored.")
        failure.__cause__ = error.__cause__
        return _on_lectern_error(request, failure)
    if "json" in request.headers.get("content-type", ""):
        return _malformed_json(request)
    detail = f"{error.detail.rstrip('.')}."
    return _on_lectern_error(request, errors.InvalidRequest(detail))


def _malformed_json(request: Request) -> JSONResponse:
    return _on_lectern_error(request, errors.MalformedJson("The request's body is not valid JSON."))


def _on_client_left(_request: Request, _error: Exception) -> Response:
    return Response(status_code=499)  # for the log alone, as nginx writes it


def on_unexpected(request: Request, error: Exception) -> JSONResponse:
    """Answer what nobody foresaw; the log has the reason."""
    log.error("request %s failed", request.state.request_id, exc_info=error)
    problem = problem_of(errors.unforeseen(request.state.request_id))
    # What fails in middleware is answered outside of the one that sets it.
    headers = {"X-Request-ID": request.state.request_id}
    return error_response(request.scope, problem, headers)
