"""What every request passes: its id, how it is told of errors, whom it is for, its body's bound.

Plain ASGI, no buffering.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from corpus.errors import ForeignHost, RequestTooLarge
from corpus.tracing import UNTRACED, Tracing
from corpus.work import MAX_ID_CHARS, work_for
from service.http.errors import ErrorShape, on_unexpected
from service.http.hosts import host_name, host_names, is_loopback
from service.http.refusing import refuse

_ACCEPTABLE_ID = re.compile(rf"[A-Za-z0-9._-]{{1,{MAX_ID_CHARS}}}")


class RequestId:
    """Gives each request an id (the caller's X-Request-ID when it is a plain one)."""

    def __init__(self, app: ASGIApp, *, tracing: Tracing = UNTRACED) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the id for the error bodies, the log and the jobs, and send it back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        offered = Headers(scope=scope).get("x-request-id", "")
        request_id = offered if _ACCEPTABLE_ID.fullmatch(offered) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        with work_for(request_id=request_id, traceparent=self._tracing.traceparent()):
            await self._app(scope, receive, send_with_id)


class ErrorShapeUnder:
    """Gives the errors of every address under `prefix` ("/v1/") another shape."""

    def __init__(self, app: ASGIApp, *, prefix: str, shape: ErrorShape) -> None:
        self._app = app
        self._prefix = prefix
        self._shape = shape

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the shape, for whatever finds an error further in."""
        if scope["type"] == "http" and scope["path"].startswith(self._prefix):
            scope["state"]["error_shape"] = self._shape
        await self._app(scope, receive, send)


class OwnHostsOnly:
    """Refuses requests for, or from pages of, other hosts than this service's own.

    Without keys, listening on loopback alone protects the documents, and a browser on this
    machine goes around it: a foreign page may post a form here (its Origin tells), or have its own
    name resolved to 127.0.0.1 and read the answers (the Host tells). Own are localhost, loopback
    addresses, and the names in `allowed`, separated by commas. Pages of `origins` may ask too.
    """

    def __init__(
        self, app: ASGIApp, *, allowed: str, origins: Collection[str] = frozenset()
    ) -> None:
        self._app = app
        self._allowed = host_names(allowed)
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is for us."""
        if scope["type"] == "http" and (error := self._foreign(Headers(scope=scope))):
            await refuse(error, scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _foreign(self, headers: Headers) -> ForeignHost | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_own(host_name(hosts[0])):
            return ForeignHost(f"This service is not called {', '.join(hosts)[:256]!r}.")
        for origin in headers.getlist("origin"):
            scheme, _, host = origin.partition("://")
            if origin in self._origins:
                continue
            if scheme not in {"http", "https"} or not self._is_own(host_name(host)):
                return ForeignHost(
                    f"Pages of {origin[:256]!r} may not use this service.",
                    hint="Name the page's origin in LECTERN_CORS_ORIGINS on the server.",
                )
        return None

    def _is_own(self, name: str) -> bool:
        return name in self._allowed or is_loopback(name)


class Unexpected:
    """Answers what nobody foresaw.

    The framework does so outside of all middleware, where its answer would lack what that adds: a
    page of another origin could not read it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; raise again once a reply has begun, which ends the connection."""
        has_begun = False

        async def noting(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as error:
            if scope["type"] != "http" or has_begun:
                raise
            await on_unexpected(Request(scope), error)(scope, receive, send)


class BodyLimit:
    """Refuses a body over the limit, by its declared length or while it comes in.

    Uploads may have `upload_bytes`, everything else `default_bytes`.
    """

    def __init__(self, app: ASGIApp, *, default_bytes: int, upload_bytes: int) -> None:
        self._app = app
        self._default_bytes = default_bytes
        self._upload_bytes = upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the body's bytes on their way to the application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._upload_bytes if _is_upload(scope) else self._default_bytes
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdigit() and int(declared) > limit:
            await refuse(_too_large(limit), scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > limit:
                    # The framework passes HTTPExceptions through while it parses a body, and
                    # turns all others into a 400.
                    raise HTTPException(413, _too_large(limit).detail.rstrip("."))
            return message

        await self._app(scope, counted, send)


def _is_upload(scope: Scope) -> bool:
    path = scope["path"]
    if scope["method"] == "POST":
        return bool(path == "/documents")
    return bool(scope["method"] == "PUT" and path.startswith("/documents/"))


def _too_large(limit: int) -> RequestTooLarge:
    return RequestTooLarge(f"The request is larger than the {limit // 1024:,} KiB accepted.")
