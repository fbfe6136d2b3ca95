"""Where a document could show, for `lectern doctor --acl`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

QUESTION = "What is the pass phrase of the strong room?"

_MCP = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}


@dataclass(frozen=True, slots=True)
class Surface:
    """A request; `{id}` and the like stand for what is somebody else's.

    `refused_with`: the status that it must be answered with; None: it may say what is no secret.
    """

    name: str
    method: str
    path: str
    body: Any = None
    refused_with: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def filled(self, known: Mapping[str, str]) -> Surface:
        """The request with these in their places."""
        path, body = self.path, json.dumps(self.body)
        for name, value in known.items():
            path, body = path.replace(f"{{{name}}}", value), body.replace(f"{{{name}}}", value)
        return replace(self, path=path, body=json.loads(body))


def _of_document(name: str, rest: str, method: str = "GET", body: object = None) -> Surface:
    return Surface(name, method, f"/documents/{{id}}{rest}", body, refused_with=404)


def _mcp(tool: str, **arguments: object) -> Surface:
    params = {"name": tool, "arguments": arguments}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    return Surface(f"mcp {tool}", "POST", "/mcp", body, headers=_MCP)


_IN_IT = {"collection": "{collection}"}

SURFACES = (
    Surface("list", "GET", "/documents?collection={collection}&limit=200"),
    _of_document("document", ""),
    _of_document("original", "/content"),
    _of_document("page", "/pages/1"),
    _of_document("picture", "/pages/1.png"),
    _of_document("report", "/report"),
    _of_document("events", "/events"),
    _of_document("change", "", "PATCH", {"metadata": {"seen": True}}),
    _of_document("retry", "/retry", "POST"),
    Surface("lookup", "POST", "/documents/lookup", {"ids": ["{id}"]}),
    Surface("known files", "POST", "/documents/known", {**_IN_IT, "sha256": ["{sha256}"]}),
    Surface("search", "POST", "/search", {**_IN_IT, "query": QUESTION, "top_k": 50}),
    Surface(
        "filter",
        "POST",
        "/search",
        {**_IN_IT, "query": QUESTION, "filters": {"document_id": "{id}"}},
    ),
    # Its related questions are those of others.
    Surface("chat", "POST", "/chat", {**_IN_IT, "message": QUESTION, "keep": False}),
    Surface("stream", "POST", "/chat", {**_IN_IT, "message": QUESTION, "stream": True}),
    Surface("answer", "GET", "/answers/{answer_id}", refused_with=404),
    Surface("explain", "GET", "/answers/{answer_id}/explain", refused_with=404),
    Surface("conversations", "GET", "/conversations"),
    Surface("conversation", "GET", "/conversations/{conversation_id}", refused_with=404),
    Surface(
        "follow-up",
        "POST",
        "/chat",
        {"message": "And why?", "conversation_id": "{conversation_id}"},
        refused_with=404,
    ),
    Surface("collections", "GET", "/collections"),
    # Of all documents, and so on nobody's behalf.
    Surface("figures", "GET", "/metrics", refused_with=403),
    Surface("audit log", "GET", "/audit", refused_with=403),
    _mcp("search", query=QUESTION, collection="{collection}"),
    _mcp("ask", question=QUESTION, collection="{collection}"),
    _mcp("list_documents", collection="{collection}"),
    _mcp("read_page", document_id="{id}", page=1),
    Surface("models", "GET", "/v1/models"),
    Surface(
        "completions",
        "POST",
        "/v1/chat/completions",
        {"model": "{collection}", "messages": [{"role": "user", "content": QUESTION}]},
    ),
)
