"""Pages of other origins that may use the service: those that the operator named, and no other."""

from __future__ import annotations

import re
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from corpus.errors import Misconfigured

# What a page's script may read besides the headers that it always may.
READABLE_HEADERS = (
    "X-Request-ID",
    "Retry-After",
    "Content-Disposition",
    "RateLimit",
    "RateLimit-Policy",
)

_ORIGIN = re.compile(
    r"(?P<scheme>https?)://(?:\[[0-9a-f:.]+\]|[^/:\s*,\[\]]+)(?::(?P<port>\d{1,5}))?"
)
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def origins_in(setting: str) -> frozenset[str]:
    """The origins of `LECTERN_CORS_ORIGINS`, as browsers write them.

    Raises Misconfigured for what is none: it would never match.
    """
    names = [name.strip().lower().rstrip("/") for name in setting.split(",")]
    return frozenset(_origin(name) for name in names if name)


def _origin(name: str) -> str:
    match = _ORIGIN.fullmatch(name)
    if match is None:
        raise Misconfigured(
            f"LECTERN_CORS_ORIGINS names {name!r}, which is no origin.",
            hint="Write scheme, host and perhaps port, such as http://localhost:5173.",
        )
    is_default = match["port"] == _DEFAULT_PORTS[match["scheme"]]
    return name.removesuffix(f":{match['port']}") if is_default else name


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
            # Browsers ask this of a public page that calls a machine of one's own.
            allow_private_network=True,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with the permission where it is due."""
        is_named = scope["type"] == "http" and Headers(scope=scope).get("origin") in self._origins
        await (self._with_permission if is_named else self._app)(scope, receive, send)
