"""Every request is measured by its route's template, never by its address, which has ids in it."""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.measures import ServiceMeasures


class Measured:
    """Tells after each request how long its reply took to begin: streams go on as long as asked."""

    def __init__(self, app: ASGIApp, *, measures: ServiceMeasures) -> None:
        self._app = app
        self._measures = measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and look at what comes back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_s = time.perf_counter()
        status: int | None = None
        seconds: float | None = None

        async def noting(message: Message) -> None:
            nonlocal status, seconds
            if message["type"] == "http.response.start":
                status, seconds = message["status"], time.perf_counter() - started_s
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            if seconds is None:
                seconds = time.perf_counter() - started_s
            self._measures.replied(scope["method"], route_of(scope), status, seconds)


def route_of(scope: Scope) -> str | None:
    """The template of the address that was called, once it was; None where there is no such one."""
    # FastAPI's routes leave themselves in the scope. Plain ones (/mcp, /openapi.json) leave what
    # they call, and have no parameters.
    if "route" not in scope and "endpoint" in scope and not scope["path_params"]:
        return str(scope["path"])
    return getattr(scope.get("route"), "path", None)
