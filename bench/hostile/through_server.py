"""Hostile files and names through a real server: each is refused or becomes final, nothing ends.

A file that was read and is being embedded is deleted then: from there on it is like any other, and
hundreds of chunks of brackets take minutes.
"""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

import httpx

from bench.hostile.markup import LEAKED
from bench.hostile.names import HOSTILE_NAMES
from bench.real_server import RealServer
from corpus.values import FINAL_STATUSES

TIMEOUT_S = 120.0
FINAL_LIMIT_S = 600.0
LOOK_EVERY_S = 0.2
_REFUSALS = frozenset({400, 413, 415, 422})


def send_all(server: RealServer, files: Iterable[tuple[str, bytes]]) -> Iterator[str]:
    """Upload these files and a text under each hostile name; what must not be, a sentence each.

    The server must run; afterwards the same process must.
    """
    pid = server.pid
    with httpx.Client(base_url=server.url, timeout=TIMEOUT_S, trust_env=False) as http:
        accepted: dict[str, str] = {}
        for name, content in files:
            yield from _send(http, name, content, accepted)
        for number, name in enumerate(HOSTILE_NAMES):
            yield from _send(http, name, f"Text number {number}.".encode(), accepted)
        for document_id, name in accepted.items():
            yield from _expect_final(http, document_id, name)
        if not http.get("/healthz").is_success or server.pid != pid or not server.is_running():
            yield "the server is not the same any more"


def _send(http: httpx.Client, name: str, content: bytes, accepted: dict[str, str]) -> Iterator[str]:
    response = http.post("/documents", files={"file": (name, content)})
    body = response.json()
    shown = repr(name[:60])
    if response.status_code in _REFUSALS:
        if not {"error", "detail", "hint"} <= body.keys():
            yield f"{shown} was refused with {response.status_code} and {body}"
    elif response.status_code in {200, 202}:
        accepted[body["id"]] = name
        if not _is_harmless(body["filename"]):
            yield f"{shown} is kept under the name {body['filename']!r}"
    else:
        yield f"{shown}: {response.status_code} {response.text[:200]}"


def _is_harmless(filename: str) -> bool:
    """Whether a name is short, without folders, control characters and changes of direction."""
    kinds = {unicodedata.category(char) for char in filename}
    return (
        0 < len(filename) <= 1024
        and not {"/", "\\"} & set(filename)
        and filename not in {".", ".."}
        and not kinds & {"Cc", "Cf", "Cs"}
    )


def _expect_final(http: httpx.Client, document_id: str, name: str) -> Iterator[str]:
    ends_s = time.monotonic() + FINAL_LIMIT_S
    document: dict[str, Any] = {"status": "unknown"}
    while document["status"] not in FINAL_STATUSES:
        document = http.get(f"/documents/{document_id}").json()
        if document["status"] == "embedding":
            if not http.delete(f"/documents/{document_id}").is_success:
                yield f"{name[:60]!r} cannot be deleted"
            return
        if time.monotonic() > ends_s:
            yield f"{name[:60]!r} is {document['status']} after {FINAL_LIMIT_S:.0f} s"
            return
        time.sleep(LOOK_EVERY_S)
    error = document["error"]
    if document["status"] == "failed" and error["code"] == "internal_error":
        yield f"{name[:60]!r} failed for a reason of our own: {error}"
    if LEAKED in http.get(f"/documents/{document_id}/pages/1").text:
        yield f"a file of this machine was read into {name[:60]!r}"
