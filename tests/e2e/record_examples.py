"""The examples of the OpenAPI document, as a real server answers them.

`python -m tests.e2e.record_examples` writes to service/rest/examples.json what changed of them.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx

from tests.conftest import ROOT
from tests.e2e.lasting import kept_where_the_same, numbered
from tests.e2e.server import LecternServer

EXAMPLES = ROOT / "service/rest/examples.json"
SAMPLE = ROOT / "docs/sample/lighthouse.pdf"
QUESTION = "When is the lens cleaned?"

Examples = dict[str, Any]


def record(server: LecternServer) -> Examples:
    """One session that uses every operation, on the sample document."""
    session = _Session(server)
    session.call("checkHealth", "GET", "/healthz")
    session.call("checkReadiness", "GET", "/readyz")
    session.call("getRoot", "GET", "/")
    # Until it is live the worker is starting, and everything waits for that.
    first = server.add("first.txt", b"The first document.", collection="station")
    server.http.delete(f"/documents/{first['id']}")
    document = _documents(session)
    answer = _questions(session)
    conversation = _conversations(session, answer["conversation_id"])
    _changes(session, document["id"])
    session.parameters = {
        "document_id": document["id"],
        "conversation_id": conversation,
        "answer_id": answer["answer_id"],
        "collection": "station",
        "name": "station",
        "status": "ready",
        "action": "document.access",
        "number": 2,
    }
    return {"parameters": session.parameters, "operations": session.operations}


class _Session:
    def __init__(self, server: LecternServer) -> None:
        self.server = server
        self.operations: dict[str, Examples] = {}
        self.parameters: dict[str, Any] = {}

    def call(
        self,
        operation: str,
        method: str,
        path: str,
        body: object = None,
        **sent: Any,  # noqa: ANN401  what httpx takes
    ) -> Any:  # noqa: ANN401  decoded JSON
        response = self.server.http.request(method, path, json=body, **sent)
        assert response.is_success, f"{operation}: {response.text}"
        return self._note(operation, response, body)

    def _note(self, operation: str, response: httpx.Response, body: object) -> Any:  # noqa: ANN401
        media_type = response.headers["content-type"].partition(";")[0]
        said = response.json() if media_type == "application/json" else response.text
        noted = self.operations.setdefault(operation, {"responses": {}})
        if body is not None:
            noted.setdefault("request", body)
        by_media_type = noted["responses"].setdefault(str(response.status_code), {})
        by_media_type.setdefault(media_type, said)
        return said


def _documents(session: _Session) -> Any:  # noqa: ANN401
    upload = {
        "files": {"file": (SAMPLE.name, SAMPLE.read_bytes())},
        "data": {"collection": "station", "metadata": '{"team": "keepers"}'},
    }
    accepted = session.call("uploadDocuments", "POST", "/documents", **upload)
    address = f"/documents/{accepted['id']}"
    session.call("watchDocument", "GET", f"{address}/events")
    session.operations["watchDocument"] = _last_event(session.operations["watchDocument"])
    session.call("uploadDocuments", "POST", "/documents", **upload)
    document = session.call("getDocument", "GET", address)
    session.call("listDocuments", "GET", "/documents")
    session.call("listCollections", "GET", "/collections")
    _collections(session)
    session.call("getPage", "GET", f"{address}/pages/2")
    session.call("getReport", "GET", f"{address}/report")
    known = {"collection": "station", "sha256": [document["content_sha256"]]}
    session.call("findKnownFiles", "POST", "/documents/known", known)
    session.call("lookUpDocuments", "POST", "/documents/lookup", {"ids": [document["id"]]})
    return document


def _collections(session: _Session) -> None:
    made = {"name": "harbour", "description": "Boats", "metadata_fields": {"year": "integer"}}
    session.call("createCollection", "POST", "/collections", made)
    session.call("getCollection", "GET", "/collections/harbour")
    persona = {"persona": {"instructions": "You are a patient teacher.", "tone": "friendly"}}
    session.call("changeCollection", "PATCH", "/collections/harbour", persona)
    session.call("deleteCollection", "DELETE", "/collections/harbour")


def _last_event(noted: Examples) -> Examples:
    """How many `progress` events there are is a matter of speed."""
    content = noted["responses"]["200"]
    content["text/event-stream"] = content["text/event-stream"].split("\n\n")[-2] + "\n\n"
    return noted


def _questions(session: _Session) -> Any:  # noqa: ANN401
    query = {"query": "fog signal", "collection": "station", "top_k": 1}
    session.call("search", "POST", "/search", query)
    question = {"message": QUESTION, "collection": "station", "top_k": 2}
    answer = session.call("ask", "POST", "/chat", question)
    session.call("ask", "POST", "/chat", {**question, "keep": False, "stream": True})
    address = f"/answers/{answer['answer_id']}"
    rating = {"answer_id": answer["answer_id"], "rating": "up", "comment": "Just what I needed."}
    session.call("rateAnswer", "POST", "/feedback", rating)
    session.call("getAnswer", "GET", address)
    session.call("explainAnswer", "GET", f"{address}/explain")
    return answer


def _conversations(session: _Session, conversation_id: str) -> str:
    address = f"/conversations/{conversation_id}"
    session.call("renameConversation", "PATCH", address, {"title": "The lens"})
    session.call("listConversations", "GET", "/conversations")
    session.call("getConversation", "GET", address)
    session.call("deleteConversation", "DELETE", address)
    return conversation_id


def _changes(session: _Session, document_id: str) -> None:
    address = f"/documents/{document_id}"
    changes = {"metadata": {"team": "engineers"}, "acl": ["group:keepers"]}
    noted = {"headers": {"X-Request-ID": "for-the-keepers"}}
    session.call("changeDocument", "PATCH", address, changes, **noted)
    session.call("cancelIngestion", "POST", f"{address}/cancel")
    same = {"file": (SAMPLE.name, SAMPLE.read_bytes())}
    session.call("replaceDocument", "PUT", address, files=same)
    other = {"file": ("rules.txt", b"No more than six people climb the tower.")}
    session.call("replaceDocument", "PUT", address, files=other)
    session.server.wait_until_final(document_id)
    session.call("rollBackDocument", "POST", f"{address}/rollback")
    session.server.wait_until_final(document_id)
    with session.server.worker_held():
        session.call("retryIngestion", "POST", f"{address}/retry")
        # The version that was queued has the same bytes as the one that answers.
        session.call("rollBackDocument", "POST", f"{address}/rollback")
    session.server.wait_until_final(document_id)
    session.call("deleteDocument", "DELETE", address)
    session.call("readAudit", "GET", "/audit?action=document.access")


def main() -> int:
    """Record, and write the file."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        data_dir.mkdir()
        with LecternServer(data_dir, LECTERN_OCR="off") as server:
            recorded = json.dumps(record(server))
    before = json.loads(EXAMPLES.read_text("utf-8"))
    examples = kept_where_the_same(before, json.loads(numbered(recorded)))
    EXAMPLES.write_text(json.dumps(examples, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
