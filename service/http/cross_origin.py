"""Pages of other origins that may use the service: those that the operator named, and no other."""

from __future__ import annotations

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

# What a page's script may read besides the headers that it always may.
READABLE_HEADERS = ("X-Request-ID", "Retry-After", "Content-Disposition")


def origins_in(setting: str) -> frozenset[str]:
    """The origins of `LECTERN_CORS_ORIGINS`, as browsers write them."""
    return frozenset(name.strip().lower() for name in setting.split(",")) - {""}


class CrossOrigin:
    """Tells browsers that these origins may read the answers (CORS).

    Requests from elsewhere are passed on without a word, which is a no to browsers.
    """

    def __init__(self, app: ASGIApp, *, origins: Collection[str]) -> None:
        self._app = app
        self._origins = origins
        self._with_permission = CORSMiddleware(
            app,
            allow_origins=list(origins),
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=READABLE_HEADERS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with the permission where it is due."""
        is_named = scope["type"] == "http" and Headers(scope=scope).get("origin") in self._origins
        await (self._with_permission if is_named else self._app)(scope, receive, send)
