"""The tools, called by the SDK's own client; the wire, where that client would not go."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from mcp import Client, MCPError
from mcp.types import INTERNAL_ERROR, CallToolResult, TextContent

from tests.conftest import ROOT
from tests.doubles.scripted_llm import MODEL, Reply, ScriptedLlm
from tests.e2e.server import LecternServer

T = TypeVar("T")

TOOLS = {"search", "ask", "list_documents", "read_page"}
# Of the protocol: with the handshake of its first versions, and without, as since 2026.
HANDSHAKE, ENVELOPE = "2025-11-25", "2026-07-28"
MODES = {HANDSHAKE: "legacy", ENVELOPE: "auto"}
NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def server(make_data_dir: Callable[[], Path]) -> Iterator[LecternServer]:
    with LecternServer(make_data_dir()) as running:
        yield running


@pytest.fixture(scope="module")
def lighthouse(server: LecternServer) -> dict[str, Any]:
    content = (ROOT / "docs/sample/lighthouse.pdf").read_bytes()
    return server.add("lighthouse.pdf", content, collection="station")


def connected(
    server: LecternServer, use: Callable[[Client], Awaitable[T]], *, mode: str = "auto"
) -> T:
    async def connect() -> T:
        async with Client(f"{server.url}/mcp", mode=mode) as client:
            return await use(client)

    return asyncio.run(connect())


def call(server: LecternServer, tool: str, *, mode: str = "auto", **given: Any) -> CallToolResult:  # noqa: ANN401
    async def use(client: Client) -> CallToolResult:
        return await client.call_tool(tool, given)

    return connected(server, use, mode=mode)


def said(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def done(server: LecternServer, tool: str, **given: Any) -> tuple[dict[str, Any], str]:  # noqa: ANN401
    """The structured result and the text; the client has checked the first by its schema."""
    result = call(server, tool, **given)
    assert not result.is_error, said(result)
    return result.structured_content, said(result)


def refused(server: LecternServer, tool: str, **given: Any) -> str:  # noqa: ANN401
    result = call(server, tool, **given)
    assert result.is_error
    assert result.structured_content is None
    return said(result)


def post(server: LecternServer, content: bytes, **headers: str) -> httpx.Response:
    kinds = {"content-type": "application/json", "accept": "application/json"}
    return server.http.post("/mcp", content=content, headers={**kinds, **headers})


def request_of(version: str, method: str, **params: Any) -> tuple[bytes, dict[str, str]]:  # noqa: ANN401
    """A message and its headers, as a client of that version sends them."""
    headers = {"mcp-protocol-version": version}
    if version == ENVELOPE:
        headers["mcp-method"] = method
        headers |= {"mcp-name": params["name"]} if "name" in params else {}
        params["_meta"] = {
            "io.modelcontextprotocol/protocolVersion": version,
            "io.modelcontextprotocol/clientCapabilities": {},
        }
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return json.dumps(message).encode(), headers


@pytest.mark.parametrize("version", MODES)
def test_a_client_connects_and_is_told_of_the_tools(server: LecternServer, version: str) -> None:
    async def use(client: Client) -> None:
        assert client.protocol_version == version
        assert client.server_info
        assert client.server_info.name == "lectern"
        assert client.server_capabilities.tools
        assert client.server_capabilities.resources is None
        assert "untrusted" in (client.instructions or "")
        tools = (await client.list_tools()).tools
        assert {tool.name for tool in tools} == TOOLS
        for tool in tools:
            assert tool.annotations
            assert tool.annotations.read_only_hint
            assert "untrusted" in (tool.description or "")
            assert tool.input_schema["additionalProperties"] is False
            assert tool.output_schema
            assert tool.output_schema["type"] == "object"

    connected(server, use, mode=MODES[version])


@pytest.mark.parametrize("version", MODES)
def test_ask_answers_with_quotes_that_stand_where_they_say(
    server: LecternServer, lighthouse: dict[str, Any], version: str
) -> None:
    question = "How much lamp oil is kept?"
    result = call(server, "ask", mode=MODES[version], question=question, collection="station")
    answer = result.structured_content
    assert answer["state"] == "answered"
    assert "1,200 litres" in answer["answer"]
    assert (answer["unsupported"], answer["nearest"], answer["degraded"]) == ([], [], [])
    citation = answer["citations"][0]
    assert (citation["document_id"], citation["page"]) == (lighthouse["id"], 2)
    page, _ = done(server, "read_page", document_id=lighthouse["id"], page=2)
    start = citation["start_char"] - page["start_char"]
    assert page["text"][start:].startswith(citation["quote"])
    text = said(result)
    assert answer["answer"] in text
    assert f"[1] lighthouse.pdf, page 2 (document_id {lighthouse['id']}" in text
    assert citation["quote"].splitlines()[0] in text


def test_ask_says_that_the_documents_do_not_tell(
    server: LecternServer, lighthouse: dict[str, Any]
) -> None:
    question = "Who won the chess championship in Brazil?"
    answer, text = done(server, "ask", question=question, collection="station")
    assert (answer["state"], answer["citations"]) == ("not_in_documents", [])
    assert text.startswith("State: not_in_documents")


def test_ask_says_the_same_as_chat(server: LecternServer, lighthouse: dict[str, Any]) -> None:
    question = "When is the lens cleaned?"
    answer, _ = done(server, "ask", question=question, collection="station")
    reply = server.chat(question, collection="station")
    assert answer.pop("answer_id") != reply["answer_id"]
    assert {key: reply[key] for key in answer} == answer


def test_search_finds_the_passages_that_http_finds(
    server: LecternServer, lighthouse: dict[str, Any]
) -> None:
    found, text = done(server, "search", query="fog signal", collection="station", top_k=2)
    hits = server.search("fog signal", collection="station", top_k=2)["hits"]
    assert len(hits) == 2
    assert found["passages"] == [{key: hit[key] for key in found["passages"][0]} for hit in hits]
    first = found["passages"][0]
    assert f"page {first['page']} (document_id {lighthouse['id']}" in text
    assert f"> {first['text'].splitlines()[0]}" in text


def test_search_is_narrowed_by_filters(server: LecternServer, lighthouse: dict[str, Any]) -> None:
    given = {"query": "fog signal", "collection": "station"}
    found, _ = done(server, "search", **given, filters={"page": 3})
    assert {passage["page"] for passage in found["passages"]} == {3}
    found, text = done(server, "search", **given, filters={"filename": "other.pdf"})
    assert (found["passages"], text) == ([], "No passage was found.")


def test_documents_are_listed_a_page_at_a_time(server: LecternServer) -> None:
    names = [f"log-{number}.txt" for number in range(3)]
    for name in names:
        server.add(name, f"The log of {name}.".encode(), collection="logs")
    failed = server.add("broken.pdf", b"%PDF-1.7 broken", collection="logs")
    listed: list[dict[str, Any]] = []
    cursors: list[str | None] = [None]
    while len(cursors) == 1 or cursors[-1] is not None:
        page, text = done(server, "list_documents", collection="logs", limit=2, cursor=cursors[-1])
        listed += page["documents"]
        assert all(document["filename"] in text for document in page["documents"])
        assert (page["next_cursor"] or "There are more") in text or page["next_cursor"] is None
        cursors.append(page["next_cursor"])
    assert len(cursors) == 3
    assert [document["filename"] for document in listed] == ["broken.pdf", *reversed(names)]
    assert (listed[0]["document_id"], listed[0]["status"]) == (failed["id"], "failed")
    assert listed[0]["error"].startswith("broken_file: ")
    assert {document["pages"] for document in listed[1:]} == {1}
    ready, _ = done(server, "list_documents", collection="logs", status="ready")
    assert ready["documents"] == listed[1:]
    none, text = done(server, "list_documents", collection="nowhere")
    assert (none["documents"], text) == ([], "There is no such document.")


def test_a_long_page_is_read_piece_by_piece(server: LecternServer) -> None:
    pages = ["The first page.", "\n\n".join(f"Entry {n}: calm sea — no ship." for n in range(2000))]
    document = server.add("log.txt", "\f".join(pages).encode(), collection="long")
    whole = server.http.get(f"/documents/{document['id']}/pages/2").json()
    pieces: list[str] = []
    start: int | None = None
    while not pieces or start is not None:
        read, text = done(server, "read_page", document_id=document["id"], page=2, start_char=start)
        assert read["start_char"] == (whole["start_char"] if start is None else start)
        assert read["end_char"] == read["start_char"] + len(read["text"])
        pieces.append(read["text"])
        start = read["next_start_char"]
        assert (f"start_char {start}" in text) == (start is not None)
    assert len(pieces) > 2
    assert "".join(pieces) == whole["text"]


@pytest.mark.parametrize(
    ("tool", "given", "code"),
    [
        ("search", {"query": " \n"}, "invalid_request"),
        ("search", {}, "invalid_request: query: "),
        ("search", {"query": "x", "top_k": 51}, "invalid_request: top_k: "),
        ("search", {"query": "x", "top_k": 0}, "invalid_request: top_k: "),
        ("search", {"query": "x", "topk": 5}, "invalid_request: topk: "),
        ("search", {"query": "x" * 8_001}, "message_too_long"),
        ("search", {"query": "x", "collection": "a b"}, "invalid_collection_name"),
        ("search", {"query": "x", "collection": "nowhere"}, "collection_not_found"),
        ("search", {"query": "x", "filters": {"colour": "red"}}, "invalid_filter"),
        ("ask", {"question": ""}, "invalid_request"),
        ("ask", {"question": "x", "collection": "nowhere"}, "collection_not_found"),
        ("ask", {"question": "x", "filters": {"page": {"near": 3}}}, "invalid_filter"),
        ("list_documents", {"limit": 101}, "invalid_request: limit: "),
        ("list_documents", {"collection": "a b"}, "invalid_collection_name"),
        ("list_documents", {"status": "lost"}, "invalid_request: status: "),
        ("list_documents", {"cursor": "made up"}, "invalid_request"),
        ("read_page", {"document_id": "x", "page": 1}, "invalid_request: document_id: "),
        ("read_page", {"document_id": NOWHERE, "page": 0}, "invalid_request: page: "),
        ("read_page", {"document_id": NOWHERE, "page": 1}, "document_not_found"),
    ],
)
def test_a_mistake_is_told_with_its_code_and_what_to_do(
    server: LecternServer, tool: str, given: dict[str, Any], code: str
) -> None:
    first, hint = refused(server, tool, **given).splitlines()
    assert first.startswith(code)
    assert hint
    # What to do is done with tools, not with addresses that an agent does not know.
    assert "/documents" not in hint
    assert "/openapi.json" not in hint


def test_a_page_that_is_not_there_is_not_found(
    server: LecternServer, lighthouse: dict[str, Any]
) -> None:
    for page in (4, 2**31, 2**200):
        text = refused(server, "read_page", document_id=lighthouse["id"], page=page)
        assert text.startswith("page_not_found")
    off = {"document_id": lighthouse["id"], "page": 2, "start_char": 0}
    assert refused(server, "read_page", **off).startswith("invalid_request: start_char is 0")


def test_a_deleted_document_is_gone_for_every_tool(server: LecternServer) -> None:
    document = server.add("bell.txt", b"The bell is rung at noon.", collection="bells")
    found, _ = done(server, "search", query="bell", collection="bells")
    assert found["passages"]
    server.http.delete(f"/documents/{document['id']}")
    found, _ = done(server, "search", query="bell", collection="bells")
    assert found["passages"] == []
    listed, _ = done(server, "list_documents", collection="bells")
    assert listed["documents"] == []
    asked, _ = done(server, "ask", question="When is the bell rung?", collection="bells")
    assert asked["state"] == "not_in_documents"
    text = refused(server, "read_page", document_id=document["id"], page=1)
    assert text.startswith("document_not_found")


@pytest.mark.parametrize("version", MODES)
def test_an_unknown_tool_is_an_error_of_the_protocol(server: LecternServer, version: str) -> None:
    async def use(client: Client) -> None:
        with pytest.raises(MCPError, match="no tool 'upload'"):
            await client.call_tool("upload", {})
        with pytest.raises(MCPError, match="Method not found"):
            await client.list_resources()

    connected(server, use, mode=MODES[version])


def test_calls_at_the_same_time_get_their_own_answers(
    server: LecternServer, lighthouse: dict[str, Any]
) -> None:
    async def use(client: Client) -> None:
        reads = [
            client.call_tool("read_page", {"document_id": lighthouse["id"], "page": page})
            for page in (1, 2, 3, 4) * 4
        ]
        results = await asyncio.gather(*reads)
        for page, result in zip((1, 2, 3, 4) * 4, results, strict=True):
            assert result.is_error == (page == 4)
            if page < 4:
                assert result.structured_content["page"] == page

    connected(server, use)


def test_several_clients_at_the_same_time_share_no_session(
    server: LecternServer, lighthouse: dict[str, Any]
) -> None:
    async def one(mode: str) -> str:
        async with Client(f"{server.url}/mcp", mode=mode) as client:
            result = await client.call_tool("search", {"query": "oil", "collection": "station"})
            return said(result)

    async def all_of_them() -> list[str]:
        return await asyncio.gather(*(one(mode) for mode in (*MODES.values(),) * 3))

    texts = asyncio.run(all_of_them())
    assert len(set(texts)) == 1
    assert lighthouse["id"] in texts[0]


@pytest.mark.parametrize("version", MODES)
def test_a_request_stands_for_itself_and_is_answered_in_json(
    server: LecternServer, version: str
) -> None:
    content, headers = request_of(version, "tools/call", name="list_documents", arguments={})
    response = post(server, content, **headers, **{"x-request-id": "call-7"})
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-request-id"] == "call-7"
    assert "mcp-session-id" not in response.headers
    assert "documents" in response.json()["result"]["structuredContent"]


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_only_posts_are_answered(server: LecternServer, method: str) -> None:
    response = server.http.request(method, "/mcp", headers={"accept": "text/event-stream"})
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert response.json()["error"] == "method_not_allowed"


@pytest.mark.parametrize("version", MODES)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 20_000,
        b"[]",
        b"null",
        b'{"jsonrpc": "2.0", "id": "\\ud800", "method": "ping"}',
        b'{"jsonrpc": "2.0", "id": 1, "method": 5}',
        b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}',
    ],
)
def test_what_is_no_message_is_the_callers_mistake(
    server: LecternServer, content: bytes, version: str
) -> None:
    response = post(server, content, **{"mcp-protocol-version": version})
    assert response.status_code == 400, response.text
    assert response.json()["error"]["message"]


@pytest.mark.parametrize("version", MODES)
@pytest.mark.parametrize(
    "params",
    [
        {"name": "search", "arguments": {"query": "half a pair \ud83d"}},
        {"name": "search", "arguments": {"query": "x", "\ud800": 1}},
        {"name": "search", "arguments": {"query": "x", "collection": "\ud800"}},
        {"name": "search", "arguments": {"query": "x", "filters": {"\ud800": 1}}},
        {"name": "search", "arguments": {"query": "x", "filters": {"page": float("nan")}}},
        {"name": "search", "arguments": {"query": "x", "filters": {"page": 2**200}}},
        {"name": "search", "arguments": "x"},
        {"name": "\ud800", "arguments": {}},
        {"name": 5, "arguments": {}},
        {"name": "list_documents", "arguments": {"cursor": "\ud800"}},
        {"name": "list_documents", "arguments": {"collection": "\ud800"}},
        {"name": "list_documents", "arguments": {"collection": "\u0000"}},
    ],
)
def test_arguments_that_no_client_would_send_are_no_failure_of_the_server(
    server: LecternServer, params: dict[str, Any], version: str
) -> None:
    name = params["name"] if params["name"] in TOOLS else "search"
    content, headers = request_of(version, "tools/call", **params)
    if "mcp-name" in headers:
        headers["mcp-name"] = name
    response = post(server, content, **headers)
    assert response.status_code in {200, 400}, response.text
    body = response.json()
    if "error" in body:
        assert body["error"]["code"] != INTERNAL_ERROR, body
    else:
        assert body["result"]["isError"]
        assert "internal_error" not in response.text


def test_headers_that_the_protocol_does_not_know_are_refused(server: LecternServer) -> None:
    content, headers = request_of(HANDSHAKE, "tools/list")
    assert post(server, content, **headers, accept="text/html").status_code == 406
    assert post(server, content, **headers, **{"content-type": "text/plain"}).status_code == 400
    unknown = post(server, content, **{"mcp-protocol-version": "1999-01-01"})
    assert unknown.status_code == 400
    assert unknown.json()["error"]["message"]


def test_a_body_beyond_the_limit_is_refused(server: LecternServer) -> None:
    content, headers = request_of(HANDSHAKE, "tools/list", padding="x" * (1 << 20))
    response = post(server, content, **headers)
    assert response.status_code == 413

    def in_pieces() -> Iterator[bytes]:
        for start in range(0, len(content), 1 << 16):
            yield content[start : start + (1 << 16)]

    kinds = {"content-type": "application/json", "accept": "application/json"}
    response = server.http.post("/mcp", content=in_pieces(), headers={**kinds, **headers})
    assert response.status_code == 413
    assert response.json()["error"] == "request_too_large"


@pytest.mark.parametrize(
    "headers", [{"host": "evil.example"}, {"origin": "https://evil.example"}, {"origin": "null"}]
)
def test_another_hosts_request_is_refused(server: LecternServer, headers: dict[str, str]) -> None:
    content, kinds = request_of(HANDSHAKE, "tools/list")
    response = post(server, content, **kinds, **headers)
    assert response.status_code == 403
    assert response.json()["error"] == "host_not_allowed"


def test_a_server_ends_in_order_after_it_was_called(
    make_data_dir: Callable[[], Path],
) -> None:
    with LecternServer(make_data_dir()) as own:
        listed, _ = done(own, "list_documents")
        assert listed["documents"] == []
        assert own.stop() == 0
        assert "Traceback" not in own.log.read_text()


@pytest.mark.parametrize("version", MODES)
def test_a_client_that_leaves_ends_the_call_of_the_llm(tmp_path: Path, version: str) -> None:
    with (
        ScriptedLlm(Reply(silent=True)) as llm,
        LecternServer(tmp_path, LECTERN_LLM=llm.base_url, LECTERN_LLM_MODEL=MODEL) as server,
    ):
        server.add("anchor.txt", b"Acme anchors weigh 90 kilograms.")
        asked = {"question": "What do Acme anchors weigh?"}
        content, headers = request_of(version, "tools/call", name="ask", arguments=asked)
        headers["accept"] = "application/json"
        server.leave("/mcp", json.loads(content), when=lambda: bool(llm.requests), **headers)
        assert llm.wait_until_client_left(timeout_s=10)
