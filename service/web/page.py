"""Serving the web page: one HTML response that can be painted, and scripts that may be kept.

The style stands in the page itself, allowed by its hash; everything else comes from this service,
at addresses relative to the page's, so that it works below any path. Scripts have a hash of all the
files in their address: a new version is asked for by itself.
"""

from __future__ import annotations

import gzip
from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import PlainTextResponse

from service.http.caching import is_known

router = APIRouter(include_in_schema=False)

_MEDIA_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".pdf": "application/pdf",
}
_COMPRESSED = {".js", ".svg"}
_FIRST_SCRIPT = "main.js"


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    media_type: str
    compressed: bytes | None = None

    def response(self, accept_encoding: str, headers: dict[str, str]) -> Response:
        if self.compressed is None or "gzip" not in accept_encoding:
            return Response(self.body, media_type=self.media_type, headers=headers)
        headers = {**headers, "Content-Encoding": "gzip"}
        return Response(self.compressed, media_type=self.media_type, headers=headers)


@dataclass(frozen=True, slots=True)
class _Page:
    html: _File
    etag: str
    policy: str
    assets: dict[str, _File]
    version: str


@cache
def _page() -> _Page:
    """Read once; what a browser may load is decided here."""
    folder = files("service.web").joinpath("assets")
    read = {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}
    version = sha256(b"".join(read[name] for name in sorted(read))).hexdigest()[:16]
    style = read.pop("style.css").decode()
    html = read.pop("index.html").decode()
    scripts = sorted(name for name in read if name.endswith(".js"))
    at = f"web/{version}"
    modules = "".join(f'<link rel="modulepreload" href="{at}/{name}">\n' for name in scripts)
    modules += f'<script type="module" src="{at}/{_FIRST_SCRIPT}"></script>'
    # Replaced in this order: what stands in the style is not looked at again.
    for name, value in (("modules", modules), ("assets", at), ("style", style)):
        html = html.replace(f"{{{{{name}}}}}", value)
    body = html.encode()
    hashed = b64encode(sha256(style.encode()).digest()).decode()
    policy = "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'sha256-{hashed}'",
            "img-src 'self' blob:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
    return _Page(
        html=_File(body, "text/html; charset=utf-8", gzip.compress(body, mtime=0)),
        etag=f'"{sha256(body).hexdigest()[:32]}"',
        policy=policy,
        assets={name: _asset(name, content) for name, content in read.items()},
        version=version,
    )


def _asset(name: str, content: bytes) -> _File:
    suffix = name[name.rindex(".") :]
    compressed = gzip.compress(content, mtime=0) if suffix in _COMPRESSED else None
    return _File(content, _MEDIA_TYPES[suffix], compressed)


def wants_page(request: Request) -> bool:
    """Whether a browser opens the address, and not a program."""
    return "text/html" in request.headers.get("accept", "")


def page_response(request: Request) -> Response:
    """The page."""
    page = _page()
    headers = {
        "ETag": page.etag,
        "Cache-Control": "no-cache",
        "Content-Security-Policy": page.policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Vary": "Accept, Accept-Encoding",
    }
    if is_known(request.headers.get("if-none-match"), page.etag):
        return Response(status_code=304, headers=headers)
    return page.html.response(request.headers.get("accept-encoding", ""), headers)


@router.get("/web/{version}/{name}")
def asset(version: str, name: str, accept_encoding: Annotated[str, Header()] = "") -> Response:
    """A file that the page loads."""
    page = _page()
    found = page.assets.get(name) if version == page.version else None
    if found is None:
        # Of an earlier version, after an update: the page is loaded anew by who reads it.
        headers = {"Cache-Control": "no-store"}
        return PlainTextResponse("There is no such file.", status_code=404, headers=headers)
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "X-Content-Type-Options": "nosniff",
        "Vary": "Accept-Encoding",
    }
    return found.response(accept_encoding, headers)
