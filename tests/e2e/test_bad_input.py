from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from corpus.registry.cursors import write_cursor
from tests.described import openapi_app
from tests.e2e.server import LecternServer
from tests.samples import files


def expect_error(response: httpx.Response, status: int, code: str) -> None:
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == {"error", "detail", "hint", "request_id"}
    assert body["error"] == code
    assert body["detail"]
    assert body["hint"]
    assert response.headers["x-request-id"] == body["request_id"]


def test_an_empty_file_is_refused(server: LecternServer) -> None:
    expect_error(server.upload("a.txt", b""), 400, "empty_file")


def test_a_file_of_an_unknown_kind_is_refused(server: LecternServer) -> None:
    expect_error(server.upload("a.bin", bytes(range(256)) * 8), 415, "unknown_file_kind")


def test_a_file_over_the_limit_is_refused(server: LecternServer) -> None:
    expect_error(server.upload("a.txt", b"x " * 600_000), 413, "file_too_large")


def test_a_request_over_the_limit_is_refused(server: LecternServer) -> None:
    expect_error(server.upload("a.txt", b"x " * 5_000_000), 413, "request_too_large")


def test_a_request_without_a_declared_length_is_bounded_too(server: LecternServer) -> None:
    def pieces() -> object:
        for _ in range(40):
            yield b" " * 100_000

    response = server.http.post(
        "/chat",
        content=pieces(),  # type: ignore[arg-type]
        headers={"content-type": "application/json"},
    )
    expect_error(response, 413, "request_too_large")


@pytest.mark.parametrize("name", ["", "a b", "../x", "x" * 65])
def test_a_wrong_collection_name_is_refused(server: LecternServer, name: str) -> None:
    # An empty form field means that none was sent.
    if name:
        expect_error(
            server.upload("a.txt", b"text", collection=name), 422, "invalid_collection_name"
        )
    expect_error(
        server.http.post("/chat", json={"message": "x", "collection": name}),
        422,
        "invalid_collection_name",
    )


def test_an_unknown_collection_is_not_found(server: LecternServer) -> None:
    for path, body in (("/chat", {"message": "x"}), ("/search", {"query": "x"})):
        response = server.http.post(path, json={**body, "collection": "never-made"})
        expect_error(response, 404, "collection_not_found")


@pytest.mark.parametrize("document_id", ["00000000-0000-4000-8000-000000000000", "x", "é"])
def test_an_unknown_id_is_not_found(server: LecternServer, document_id: str) -> None:
    address = f"/documents/{document_id}"
    for path in (address, f"{address}/content", f"{address}/pages/1", f"{address}/events"):
        expect_error(server.http.get(path), 404, "document_not_found")
    expect_error(server.http.delete(address), 404, "document_not_found")


def test_an_unknown_page_is_not_found(server: LecternServer) -> None:
    document = server.add("a.txt", b"One page only.", collection="pages")
    for number in (0, 2, -1):
        response = server.http.get(f"/documents/{document['id']}/pages/{number}")
        expect_error(response, 404, "page_not_found")


def test_an_unknown_address_or_method_has_the_same_error_shape(server: LecternServer) -> None:
    expect_error(server.http.get("/nowhere"), 404, "not_found")
    expect_error(server.http.put("/chat"), 405, "method_not_allowed")


@pytest.mark.parametrize("body", [b"{", b"", b"[" * 20_000, b"\xff\xfe", b'{"message": "\\ud800'])
def test_malformed_json_is_refused(server: LecternServer, body: bytes) -> None:
    response = server.http.post("/chat", content=body, headers={"content-type": "application/json"})
    assert response.status_code in {400, 422}
    assert set(response.json()) == {"error", "detail", "hint", "request_id"}


def test_json_that_does_not_parse_says_so(server: LecternServer) -> None:
    response = server.http.post(
        "/chat", content=b'{"message": ', headers={"content-type": "application/json"}
    )
    expect_error(response, 400, "malformed_json")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"message": ""},
        {"message": None},
        {"message": "x", "top_k": 0},
        {"message": "x", "top_k": 10**9},
        {"message": "x", "unknown_option": True},
        {"message": "x" * 9_000},
        {"message": "x", "filters": {"unknown_field": 1}},
        {"message": "x", "filters": {"page": {"almost": 1}}},
    ],
)
def test_a_wrong_question_is_refused(server: LecternServer, body: dict[str, object]) -> None:
    response = server.http.post("/chat", json=body)
    assert response.status_code == 422
    assert set(response.json()) == {"error", "detail", "hint", "request_id"}


@pytest.mark.parametrize(
    "message", ["\ud800 lone surrogate", "\x00", "? [1] {{}} %s", "'; DROP TABLE documents; --"]
)
def test_odd_characters_in_a_question_are_only_characters(
    server: LecternServer, message: str
) -> None:
    response = server.http.post(
        "/chat",
        content=json.dumps({"message": message}).encode(),
        headers={"content-type": "application/json"},
    )
    assert response.status_code in {200, 422}, response.text


@pytest.mark.parametrize("form", [{"metadata": "["}, {"metadata": "[]"}, {"acl": '{"a": 1}'}])
def test_wrong_metadata_is_refused(server: LecternServer, form: dict[str, str]) -> None:
    expect_error(server.upload("a.txt", b"text", **form), 422, "invalid_metadata")


def test_an_upload_without_a_file_is_refused(server: LecternServer) -> None:
    response = server.http.post("/documents", data={"collection": "default"})
    expect_error(response, 422, "invalid_request")


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("broken.pdf", b"%PDF-1.7\n" + b"\x00garbage" * 50, "broken_file"),
        ("locked.pdf", files.pdf([["Secret."]], password="x"), "encrypted_file"),  # noqa: S106
        ("scan.pdf", files.scanned_pdf(2), "needs_ocr"),
        ("blank.txt", b"   \n\n  ", "no_text"),
        ("broken.docx", files.docx("T", ["x"])[:-900], "broken_file"),
    ],
)
def test_a_file_that_cannot_be_read_fails_with_its_reason(
    server: LecternServer, name: str, content: bytes, code: str
) -> None:
    document = server.add(name, content, collection="unreadable")
    assert document["status"] == "failed"
    assert document["chunks"] == 0
    error = document["error"]
    assert error["code"] == code
    assert error["detail"]
    assert error["hint"]


def test_a_pdf_with_some_pictures_is_partial_and_names_the_pages(server: LecternServer) -> None:
    content = files.half_scanned_pdf(["The anchor weighs 90 kilograms."])
    document = server.add("mixed.pdf", content, collection="partial")
    assert document["status"] == "partial"
    assert document["coverage"] == {"pages_with_text": 1, "pages_needing_ocr": [2]}
    answer = server.chat("What does the anchor weigh?", collection="partial")
    assert "90 kilograms" in answer["answer"]


def test_the_service_goes_on_after_all_that(server: LecternServer) -> None:
    assert server.http.get("/healthz").json() == {"status": "ok"}
    document = server.add("after.txt", b"The tide turns at noon.", collection="after")
    assert document["status"] == "ready"


JSON = {"content-type": "application/json"}
# What a JSON body may be for each address that takes one; ids that nothing has.
GOOD_BODIES: dict[tuple[str, str], dict[str, object]] = {
    ("POST", "/documents/known"): {"collection": "bad", "sha256": ["a" * 64]},
    ("POST", "/documents/lookup"): {"ids": ["x"]},
    ("PATCH", "/documents/x"): {"metadata": {"a": "b"}, "acl": ["x"]},
    ("POST", "/search"): {"query": "x", "filters": {"filename": "x"}, "top_k": 3},
    ("POST", "/chat"): {"message": "x", "conversation_id": "x", "filters": {}, "stream": True},
    ("POST", "/feedback"): {"answer_id": "x", "rating": "up", "comment": "x"},
    ("PATCH", "/conversations/x"): {"title": "x"},
}
NOT_JSON = [
    b"",
    b"{",
    b"\xff",
    b"[" * 10_000 + b"]" * 10_000,
    b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    b"9" * 5_000,  # more digits than Python reads
]
OTHER_JSON = [
    b"null",
    b"[]",
    b'"x"',
    b'"\\ud800"',
    b"NaN",
    b"-Infinity",
    b"1e999",
    b'{"a":1,"a":2}',
]
ODD_VALUES = [
    '"\\ud800"',
    '"a\\u0000b"',
    '["\\udfff"]',
    '{"\\ud800": "\\u0000"}',
    "[" * 900 + "]" * 900,
    '{"a":' * 900 + "1" + "}" * 900,
    "9" * 4_000,
    "-1",
    "NaN",
    "-Infinity",
    "1e999",
    "null",
    "[]",
    "{}",
    '"' + "x" * 200_000 + '"',
]
NOT_SENT_AS_JSON = ["text/plain", "application/xml", "application/x-www-form-urlencoded", ""]

json_endpoint = pytest.mark.parametrize(("method", "path"), GOOD_BODIES)


def expect_answer(response: httpx.Response) -> None:
    """A success, or an error of the caller in the one shape."""
    assert response.status_code < 500, response.text
    if response.status_code >= 400:
        assert set(response.json()) == {"error", "detail", "hint", "request_id"}


@json_endpoint
def test_a_body_that_is_no_json_is_malformed(server: LecternServer, method: str, path: str) -> None:
    for body in NOT_JSON[1:]:
        response = server.http.request(method, path, content=body, headers=JSON)
        expect_error(response, 400, "malformed_json")


@json_endpoint
def test_a_body_that_is_no_such_object_is_refused(
    server: LecternServer, method: str, path: str
) -> None:
    for body in (NOT_JSON[0], *OTHER_JSON):
        response = server.http.request(method, path, content=body, headers=JSON)
        expect_error(response, 422, "invalid_request")


@json_endpoint
def test_json_that_is_not_sent_as_json_is_refused(
    server: LecternServer, method: str, path: str
) -> None:
    body = json.dumps(GOOD_BODIES[method, path]).encode()
    for media_type in NOT_SENT_AS_JSON:
        headers = {"content-type": media_type}
        response = server.http.request(method, path, content=body, headers=headers)
        expect_error(response, 422, "invalid_request")


@json_endpoint
def test_odd_values_anywhere_are_answered(server: LecternServer, method: str, path: str) -> None:
    good = GOOD_BODIES[method, path]
    for name in good:
        for value in ODD_VALUES:
            body = json.dumps({**good, name: "HERE"}).replace('"HERE"', value).encode()
            expect_answer(server.http.request(method, path, content=body, headers=JSON))


@pytest.mark.parametrize(
    "field", ["collection", "external_id", "metadata", "acl", "priority", "unknown"]
)
def test_odd_fields_of_a_form_are_answered(server: LecternServer, field: str) -> None:
    for value in ["\0", "a\0b", "[", "null", '{"\\u0000": "\\u0000"}', "x" * 70_000, *ODD_VALUES]:
        expect_answer(server.upload("a.txt", b"Odd.", **{"collection": "odd", field: value}))
    assert server.http.get("/documents").status_code == 200


ODD_TEXTS = ["%00", "a%00b", "%ED%A0%80", "%ff", "%F0%9F%98%80", "..%2f..", "'%22;--", "x" * 7_000]


@pytest.mark.parametrize("path", ["/documents", "/conversations"])
@pytest.mark.parametrize("name", ["collection", "status", "parent_id", "limit", "cursor", "more"])
def test_odd_query_parameters_are_answered(server: LecternServer, path: str, name: str) -> None:
    cursors = [write_cursor(datetime.now(UTC), last_id) for last_id in ("a\0b", "x" * 5_000, "")]
    for value in ["", "9" * 400, "1e3", "NaN", "x" * 60_000, *cursors, *ODD_TEXTS]:
        expect_answer(server.http.get(f"{path}?{name}={value}"))


ADDRESSES = [
    (method, path)
    for path, of_path in openapi_app().openapi()["paths"].items()
    for method in of_path
    if "{" in path
]


CHANGES: dict[str, dict[str, Any]] = {
    "collections": {"description": "x"},
    "conversations": {"title": "x"},
    "documents": {"acl": ["x"]},
}


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
def test_odd_ids_in_addresses_are_not_found(server: LecternServer, method: str, path: str) -> None:
    for odd in ODD_TEXTS:
        address = re.sub(r"\{\w+_id\}|\{name\}", odd, path).replace("{number}", "1")
        sent: dict[str, Any] = {}
        if method == "put":
            sent["files"] = {"file": ("a.txt", b"Odd.")}
        if method == "patch":
            sent["json"] = CHANGES[path.split("/")[1]]
        response = server.http.request(method, address, **sent)
        assert response.status_code == 404, response.text
        expect_answer(response)


def test_a_wrong_method_is_told_all_the_right_ones(server: LecternServer) -> None:
    response = server.http.post("/documents/x")
    expect_error(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "DELETE, GET, PATCH, PUT"
