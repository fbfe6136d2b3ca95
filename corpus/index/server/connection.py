"""Talking to a Qdrant server: limits, patience with one that is busy, its errors in our words."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
from qdrant_client import QdrantClient
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import (
    ApiException,
    ResponseHandlingException,
    UnexpectedResponse,
)
from qdrant_client.http.models import UpdateResult, UpdateStatus

from corpus.errors import IndexRefused, IndexUnavailable, LecternError

CONNECT_TIMEOUT_S = 3.0
FIRST_WAIT_S = 0.2
JITTER_SHARE = 0.3  # of a wait: replicas that were refused together must not come back together

# 408: its own time was up. 500: a shard is being made or moved ("0 of 0 read operations failed").
_BUSY = frozenset({408, 429, 500, 502, 503, 504})
# It is the request, or how the collection or a proxy is: a moment later it is refused again.
_FINAL = frozenset({400, 413, 422})

_CHECK_KEY = "Check QDRANT_API_KEY."
_CHECK_RIGHTS = (
    "Give the key in QDRANT_API_KEY the right to read and write the collection, and see whether "
    "Qdrant's storage is locked for writing (its API: /locks)."
)
_FREE_SPACE = "Free memory or disk space there, or raise Qdrant's quota (its API: /quotas)."
_WAIT = "Qdrant is busy or starting: try again in a moment, or look at its log."
_CHECK_SERVER = "Check that Qdrant runs and that QDRANT_URL names it, with its port."

_HINTS = {401: _CHECK_KEY, 403: _CHECK_RIGHTS, 507: _FREE_SPACE}

Send = Callable[[httpx.Request], httpx.Response]


@dataclass(frozen=True, slots=True)
class Limits:
    """For one call, with all its tries and the waits between them; writes may take longer."""

    read_s: float = 10.0
    write_s: float = 60.0
    tries: int = 4


PATIENT = Limits()
PROBE = Limits(read_s=2.0, write_s=2.0, tries=1)


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where the server is, what it is shown, and how long it may take."""

    url: str
    api_key: str | None = field(default=None, repr=False)
    limits: Limits = PATIENT


def connect(address: ServerAddress) -> QdrantClient:
    """A client that keeps to the limits; no request is made yet."""
    # The compatibility check would be one more request, whose failure is only a warning.
    client = QdrantClient(
        url=address.url,
        api_key=address.api_key,
        timeout=max(1, round(address.limits.write_s)),
        check_compatibility=False,
    )
    client.http.client.add_middleware(_Patience(address.limits))
    return client


class _Patience:
    """Sends a request, and again where the server is away or busy, as long as there is time.

    Every call of ours may be repeated: ids are given, deletions are by filter, and to make what is
    there already is no error.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def __call__(self, request: httpx.Request, send: Send) -> httpx.Response:
        limit_s = self._limits.write_s if _writes(request) else self._limits.read_s
        ends_s = time.monotonic() + limit_s
        for attempt in range(self._limits.tries):
            outcome = _tried(request, send, ends_s - time.monotonic())
            wait_s = _wait_s(outcome, attempt)
            is_last = attempt + 1 == self._limits.tries
            if wait_s is None or is_last or time.monotonic() + wait_s >= ends_s:
                break
            time.sleep(wait_s)
        if isinstance(outcome, ResponseHandlingException):
            raise outcome
        return outcome


def _writes(request: httpx.Request) -> bool:
    return request.method in {"PUT", "PATCH"} or request.url.path.endswith("/points/delete")


def _tried(
    request: httpx.Request, send: Send, left_s: float
) -> httpx.Response | ResponseHandlingException:
    timeout = httpx.Timeout(left_s, connect=min(CONNECT_TIMEOUT_S, left_s))
    request.extensions["timeout"] = timeout.as_dict()
    try:
        return send(request)
    except ResponseHandlingException as error:
        return error


def _wait_s(outcome: httpx.Response | ResponseHandlingException, attempt: int) -> float | None:
    """How long to wait before the next try; None where another would not help."""
    growing_s: float = FIRST_WAIT_S * 2**attempt * (1 + JITTER_SHARE * random.random())  # noqa: S311
    if isinstance(outcome, ResponseHandlingException):
        return growing_s if isinstance(outcome.source, httpx.TransportError) else None
    if outcome.status_code not in _BUSY:
        return None
    try:
        return max(growing_s, float(outcome.headers.get("retry-after", 0)))
    except ValueError:  # a date: rare, and not worth a parser
        return growing_s


@contextmanager
def server_errors() -> Iterator[None]:
    """Raise `IndexUnavailable` for an error of the client or the server.

    `IndexRefused` where the same request would be refused again a moment later.
    """
    try:
        yield
    except LecternError:
        raise
    except UnexpectedResponse as error:
        raise _refused(error) from error
    except ResourceExhaustedResponse as error:
        raise IndexUnavailable(f"Qdrant has too much to do: {error}.", hint=_WAIT) from error
    except (ApiException, QdrantException) as error:
        cause = error.source if isinstance(error, ResponseHandlingException) else error
        raise IndexUnavailable(f"Qdrant does not answer: {cause!r}.", hint=_CHECK_SERVER) from error


def require_carried_out(result: UpdateResult) -> None:
    """Raise `IndexUnavailable` unless a change that was to be waited for is done everywhere."""
    if result.status is not UpdateStatus.COMPLETED:
        raise IndexUnavailable(
            f"Qdrant has noted a change, and not carried it out in time ({result.status.value}).",
            hint=_WAIT,
        )


def _refused(error: UnexpectedResponse) -> IndexUnavailable:
    said = f"Qdrant refused the request: {error.status_code} {_reason(error)}".rstrip(".")
    if error.status_code in _FINAL:
        return IndexRefused(f"{said}.")
    hint = _WAIT if error.status_code in _BUSY else _HINTS.get(error.status_code or 0)
    return IndexUnavailable(f"{said}.", hint=hint)


def _reason(error: UnexpectedResponse) -> str:
    """What Qdrant says in `status.error`, else how the body (a proxy's, perhaps) begins."""
    try:
        return str(json.loads(error.content)["status"]["error"])
    except (ValueError, KeyError, TypeError):
        return error.content[:100].decode(errors="replace")
