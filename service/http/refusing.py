"""Refusing a request whose body was not read."""

from __future__ import annotations

from collections.abc import Mapping

import anyio
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from corpus.errors import LecternError
from service.http.errors import error_response, problem_of

DRAIN_LIMIT_S = 10.0
DRAIN_LIMIT_BYTES = 64 << 20


async def refuse(
    error: LecternError,
    scope: Scope,
    receive: Receive,
    send: Send,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Answer with the error, so that the caller sees it."""
    said = dict(headers or {})
    if await drained(scope, receive):
        # The rest of the body is not read, so the connection cannot be used again.
        said["Connection"] = "close"
    await error_response(scope, problem_of(error), said)(scope, receive, send)


async def drained(scope: Scope, receive: Receive) -> bool:
    """Read on for a bounded while: who is still sending would not see the answer.

    Whether there is a body, of which something may be left.
    """
    headers = Headers(scope=scope)
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return False
    if "expect" not in headers:  # else the client waits for our word
        await _drain(receive)
    return True


async def _drain(receive: Receive) -> None:
    drained_bytes = 0
    with anyio.move_on_after(DRAIN_LIMIT_S):
        while drained_bytes < DRAIN_LIMIT_BYTES:
            message = await receive()
            drained_bytes += len(message.get("body", b""))
            if not message.get("more_body", False):
                return
