"""How much a key may ask, and what is noted of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service.http.audit import REFUSALS_OF_EACH
from tests.e2e.keys import bearer, lectern_keys, operator
from tests.e2e.server import LecternServer

SECRET = "zirconium"  # noqa: S105  a word of a document
MCP = {"Accept": "application/json, text/event-stream"}


@pytest.fixture(scope="module")
def server(make_data_dir: Callable[[], Path]) -> Iterator[LecternServer]:
    with LecternServer(
        make_data_dir(), LECTERN_OCR="off", LECTERN_AUDIT_QUESTIONS="true"
    ) as running:
        running.add("opening.txt", b"The museum opens at nine.")
        lectern_keys(running.data_dir, "create", "first")
        yield running


def entries(server: LecternServer, **wanted: str) -> list[dict[str, Any]]:
    reply = server.http.get("/audit", params=wanted, headers=operator(server))
    assert reply.status_code == 200, reply.text
    found: list[dict[str, Any]] = reply.json()["entries"]
    return found


def test_a_key_may_send_so_many_requests_a_minute(server: LecternServer) -> None:
    headers = bearer(server, "slow", "--requests-per-minute", "3")
    replies = [server.http.get("/documents", headers=headers) for _ in range(4)]
    assert [one.status_code for one in replies] == [200, 200, 200, 429]
    assert {one.headers["RateLimit-Policy"] for one in replies} == {'"requests";q=3;w=60'}
    left = [one.headers["RateLimit"].partition(";t=")[0] for one in replies]
    assert left == [f'"requests";r={count}' for count in (2, 1, 0, 0)]
    refused = replies[-1]
    assert refused.headers["RateLimit"].endswith(f";t={refused.headers['Retry-After']}")
    assert refused.json()["error"] == "rate_limited"
    assert 1 <= int(refused.headers["Retry-After"]) <= 20
    body = {"model": "default", "messages": [{"role": "user", "content": "When?"}]}
    told = server.http.post("/v1/chat/completions", json=body, headers=headers).json()
    assert told["error"]["code"] == "rate_limit_exceeded"


def test_a_key_may_ask_so_many_questions_a_day_on_all_surfaces(server: LecternServer) -> None:
    headers = bearer(server, "asker", "--questions-per-day", "3")
    question = {"message": "When does the museum open?"}
    ask = {"name": "ask", "arguments": {"question": "When does the museum open?"}}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": ask}
    model = {"model": "default", "messages": [{"role": "user", "content": "When is it open?"}]}
    asked = server.http.post("/chat", json=question, headers=headers)
    assert asked.is_success
    assert asked.headers["RateLimit-Policy"] == '"questions";q=3;w=86400'
    asked = server.http.post("/mcp", json=call, headers={**headers, **MCP})
    assert "nine" in asked.text
    assert asked.headers["RateLimit"].startswith('"questions";r=1;t=')
    assert server.http.post("/v1/chat/completions", json=model, headers=headers).is_success
    refused = server.http.post("/chat", json={**question, "stream": True}, headers=headers)
    assert (refused.status_code, refused.json()["error"]) == (429, "quota_exceeded")
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0) + timedelta(days=1)
    left_s = (midnight - datetime.now(UTC)).total_seconds()
    assert abs(int(refused.headers["Retry-After"]) - left_s) < 60
    assert refused.headers["RateLimit"].startswith('"questions";r=0;t=')
    assert "quota_exceeded" in server.http.post("/mcp", json=call, headers={**headers, **MCP}).text
    assert server.http.post("/search", json={"query": "museum"}, headers=headers).is_error
    assert server.http.get("/documents", headers=headers).is_success, "reading is not asking"


def test_what_changes_something_is_noted_with_who_did_it(server: LecternServer) -> None:
    headers = bearer(server, "clerk", "--scope", "write", "--on-behalf-of")
    ann = {**headers, "X-Lectern-On-Behalf-Of": "user:ann", "X-Request-ID": "by-ann"}
    files = {"file": (f"{SECRET}.txt", f"The pass phrase is {SECRET}.".encode())}
    document = server.http.post("/documents", files=files, headers=ann).json()
    address = f"/documents/{document['id']}"
    server.http.patch(address, json={"acl": ["user:ann"]}, headers=ann)
    server.http.delete(address, headers=headers)
    server.http.delete(address, headers=ann)
    server.http.delete("/collections/default", headers=headers)
    found = [
        (one["action"], one["subject"], one["outcome"], one["who"])
        for one in entries(server)
        if one["who"].startswith("key clerk")
    ]
    by_ann = "key clerk, for user:ann"
    assert found == [
        ("collection.delete", "default", "forbidden", "key clerk"),
        ("document.delete", document["id"], "ok", by_ann),
        ("document.delete", document["id"], "document_not_found", "key clerk"),
        ("document.access", document["id"], "ok", by_ann),
        ("document.upload", document["id"], "ok", by_ann),
    ]
    [upload] = entries(server, action="document.upload")[:1]
    assert upload["request_id"] == "by-ann"


def test_refused_keys_and_changes_of_keys_are_noted(server: LecternServer) -> None:
    key = bearer(server, "lost")
    lectern_keys(server.data_dir, "revoke", "lost")
    server.http.get("/documents", headers=key)
    [newest] = entries(server, action="sign_in")[:1]
    key_id = key["Authorization"].split("_")[1]
    assert (newest["who"], newest["outcome"]) == (f"key {key_id}", "unauthorized")
    [revoked] = entries(server, action="key.revoke")[:1]
    assert (revoked["subject"], revoked["who"]) == ("lost", "operator (lectern keys)")
    for _ in range(100):
        server.http.get("/documents", headers={"Authorization": "Bearer guessed"})
    assert len(entries(server, action="sign_in", limit="500")) < 65 * 2, "anybody can fill it"


def test_what_callers_may_not_do_is_noted_and_a_flood_of_it_is_none_of_entries(
    server: LecternServer,
) -> None:
    headers = bearer(server, "nosy", "--requests-per-minute", "40", "--questions-per-day", "1")
    question = {"message": "When does the museum open?"}
    ask = {"name": "ask", "arguments": {"question": "When?"}}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": ask}
    server.http.post("/chat", json=question, headers=headers)
    server.http.post("/search", json={"query": "museum"}, headers=headers)
    server.http.post("/mcp", json=call, headers={**headers, **MCP})
    server.http.get("/metrics", headers=headers)
    server.http.delete("/collections/default", headers=headers)
    server.http.get("/documents", headers={**headers, "X-Lectern-On-Behalf-Of": "user:ann"})
    for _ in range(60):
        last = server.http.get("/documents", headers=headers)
    assert last.status_code == 429
    noted = [one for one in entries(server, limit="500") if one["who"] == "key nosy"][::-1]
    assert [(one["action"], one["subject"], one["outcome"]) for one in noted[:8]] == [
        ("question.chat", None, "ok"),
        ("question.search", None, "quota_exceeded"),
        ("question.mcp", None, "quota_exceeded"),
        ("request.refused", "/metrics", "forbidden"),
        ("collection.delete", "default", "forbidden"),
        ("request.refused", "/documents", "forbidden"),
        ("request.refused", "/documents", "rate_limited"),
        ("request.refused", "/documents", "rate_limited"),
    ]
    assert len(noted) <= 1 + 2 * REFUSALS_OF_EACH, "of each minute that this took"


def test_no_word_of_documents_questions_or_secrets_is_noted(server: LecternServer) -> None:
    headers = bearer(server, "curious")
    question = {"message": f"What is {SECRET}?"}
    server.http.post("/chat", json=question, headers=headers)
    noted = entries(server, limit="500")
    assert {one["action"] for one in noted} >= {"question.chat", "document.upload"}
    assert SECRET not in json.dumps(noted)
    lines = [line for line in server.log.read_text().splitlines() if "lectern.audit" in line]
    assert any('"action": "question.chat"' in line for line in lines)
    assert not any(SECRET in line or "lk_" in line for line in lines)


def test_the_log_is_read_page_by_page_and_only_by_administrators(server: LecternServer) -> None:
    everything = entries(server, limit="500", action="key.create")
    paged, cursor = [], ""
    while cursor is not None:
        params = {"limit": "2", "action": "key.create", **({"cursor": cursor} if cursor else {})}
        page = server.http.get("/audit", params=params, headers=operator(server)).json()
        paged += page["entries"]
        cursor = page["next_cursor"]
    assert paged == everything
    assert len(paged) > 4
    admin = bearer(server, "admin", "--scope", "admin")
    assert server.http.get("/audit", headers=admin).is_success
    within = bearer(server, "within", "--scope", "admin", "-c", "default")
    reader = bearer(server, "plain", "--scope", "read", "--scope", "write")
    for headers in (within, reader):
        assert server.http.get("/audit", headers=headers).status_code == 403
