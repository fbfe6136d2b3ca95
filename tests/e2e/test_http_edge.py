from __future__ import annotations

import hashlib
import json
import resource
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.keys import lectern_keys, operator
from tests.e2e.server import LecternServer

ERROR_KEYS = {"error", "detail", "hint", "request_id"}


@pytest.fixture(scope="module")
def server(make_data_dir: Callable[[], Path]) -> Iterator[LecternServer]:
    folder = make_data_dir()
    lectern_keys(folder, "create", "admin", "--scope", "admin")
    with LecternServer(folder, LECTERN_ALLOWED_HOSTS="docs.example.org") as running:
        running.http.headers.update(operator(running))
        yield running


def expect_error(response: httpx.Response, status: int, code: str) -> None:
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == ERROR_KEYS
    assert body["error"] == code


def ask(server: LecternServer, path: str, body: dict[str, Any]) -> httpx.Response:
    # httpx would not encode what a hostile client can.
    content = json.dumps(body).encode()
    return server.http.post(path, content=content, headers={"content-type": "application/json"})


@pytest.mark.parametrize(
    "form",
    [
        {"metadata": '{"a":' * 300 + "1" + "}" * 300},
        {"metadata": '{"a": "\\ud800"}'},
        {"metadata": '{"\\udfff": 1}'},
        {"metadata": '{"a": NaN}'},
        {"metadata": '{"a": [-Infinity, 1e999]}'},
        {"metadata": json.dumps({"a": "x" * 20_000})},
        {"acl": '["\\ud800"]'},
        {"acl": json.dumps(["x"] * 1_000)},
        {"acl": json.dumps(["x" * 1_000])},
        {"external_id": "x" * 1_000},
        {"external_id": "a\x00b"},
    ],
)
def test_attributes_that_could_not_be_served_again_are_refused(
    server: LecternServer, form: dict[str, str]
) -> None:
    response = server.upload("a.txt", b"Refused.", collection="refused", **form)
    expect_error(response, 422, "invalid_metadata")
    listed = server.http.get("/documents")
    assert listed.status_code == 200
    assert "refused" not in {document["collection"] for document in listed.json()["documents"]}


def test_a_surrogate_that_a_forms_charset_makes_is_refused(server: LecternServer) -> None:
    content = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="\\ud800.txt"\r\n\r\nx\r\n'
        b'--b\r\nContent-Disposition: form-data; name="external_id"\r\n\r\n\\ud800\r\n--b--\r\n'
    )
    kind = "multipart/form-data; charset=unicode_escape; boundary=b"
    response = server.http.post("/documents", content=content, headers={"content-type": kind})
    expect_error(response, 422, "invalid_metadata")


def test_a_broken_form_is_the_callers_mistake(server: LecternServer) -> None:
    headers = {"content-type": "multipart/form-data; boundary=b"}
    response = server.http.post("/documents", content=b"no form at all", headers=headers)
    expect_error(response, 400, "malformed_upload")


def test_json_that_cannot_even_be_decoded_is_malformed(server: LecternServer) -> None:
    for body in (b"\xff\xfe", b"[" * 20_000):
        response = server.http.post(
            "/chat", content=body, headers={"content-type": "application/json"}
        )
        expect_error(response, 400, "malformed_json")


@pytest.mark.parametrize("path", ["/chat", "/search"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_question_of_no_characters_is_refused(
    server: LecternServer, path: str, stream: bool
) -> None:
    name = "message" if path == "/chat" else "query"
    options = {"stream": True} if stream and path == "/chat" else {}
    for question in ("   \n\t", "\u2003", "half a pair \ud83d"):
        expect_error(ask(server, path, {name: question, **options}), 422, "invalid_request")


@pytest.mark.parametrize(
    "filters",
    [
        {"filename": "\ud800"},
        {"document_id": {"in": ["\udfff"]}},
        {"\ud800": 1},
        {"filename": {"\ud800": 1}},
        {"page": float("nan")},
        {"created_at": {"lt": "0001-01-01T00:00:00+14:00"}},
    ],
)
def test_a_filter_that_no_index_could_read_is_refused(
    server: LecternServer, filters: dict[str, Any]
) -> None:
    for path, name in (("/chat", "message"), ("/search", "query")):
        response = ask(server, path, {name: "lighthouse", "filters": filters})
        assert response.status_code == 422, response.text
        assert set(response.json()) == ERROR_KEYS


def test_an_error_that_quotes_half_a_character_is_still_an_answer(server: LecternServer) -> None:
    unknown_option = {"message": "x", "\ud800": 1}
    expect_error(ask(server, "/chat", unknown_option), 422, "invalid_request")
    wrong_name = {"message": "x", "collection": "\ud800"}
    expect_error(ask(server, "/chat", wrong_name), 422, "invalid_collection_name")


@pytest.mark.parametrize("number", [2**31, 2**63, 2**200])
def test_a_page_number_beyond_all_books_is_not_found(server: LecternServer, number: int) -> None:
    document = server.add("page.txt", b"One page.", collection="pages")
    response = server.http.get(f"/documents/{document['id']}/pages/{number}")
    expect_error(response, 404, "page_not_found")


@pytest.mark.parametrize("cursor", ["x", "MDAwMS0wMS0wMVQwMDowMDowMCsxNDowMC94", "é", "%FF"])
def test_a_made_up_cursor_is_refused(server: LecternServer, cursor: str) -> None:
    response = server.http.get("/documents", params={"cursor": cursor})
    expect_error(response, 422, "invalid_request")


def test_a_zip_whose_mimetype_is_corrupt_is_accepted_and_fails_as_broken(
    server: LecternServer,
) -> None:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("mimetype", b"\xff" * 40)
    data = bytearray(packed.getvalue())
    for at in (8, data.find(b"PK\x01\x02") + 10):
        data[at] = zipfile.ZIP_DEFLATED
    document = server.add("book.epub", bytes(data), collection="corrupt")
    assert document["status"] == "failed"
    assert document["error"]["code"] == "broken_file"


def test_a_wrong_method_is_told_the_right_ones(server: LecternServer) -> None:
    response = server.http.put("/chat")
    expect_error(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "headers",
    [{"host": "evil.example"}, {"origin": "https://evil.example"}, {"origin": "null"}],
)
def test_another_hosts_request_is_refused_whatever_it_asks(
    server: LecternServer, headers: dict[str, str]
) -> None:
    for method, path in (("GET", "/documents"), ("GET", "/healthz"), ("POST", "/documents")):
        response = server.http.request(method, path, headers=headers)
        expect_error(response, 403, "host_not_allowed")
    form = {"file": ("a.txt", b"Planted.")}
    response = server.http.post("/documents", files=form, headers=headers)
    expect_error(response, 403, "host_not_allowed")


def test_a_host_that_the_operator_names_is_allowed(server: LecternServer) -> None:
    named = {"host": "docs.example.org:8443", "origin": "https://docs.example.org:8443"}
    assert server.http.get("/healthz", headers=named).status_code == 200
    # The SDK behind it would have hosts of its own.
    accept = {"accept": "application/json, text/event-stream"}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    assert server.http.post("/mcp", json=call, headers={**named, **accept}).status_code == 200


def test_the_content_stays_that_of_the_version_that_answers(server: LecternServer) -> None:
    first = b"The ferry leaves at nine."
    document = server.add("ferry.txt", first, collection="content", external_id="ferry")
    failed = server.add("ferry.pdf", b"%PDF-1.7 broken", collection="content", external_id="ferry")
    assert (failed["id"], failed["status"]) == (document["id"], "failed")
    served = server.http.get(f"/documents/{document['id']}/content")
    assert served.content == first
    assert "ferry.txt" in served.headers["content-disposition"]
    page = server.http.get(f"/documents/{document['id']}/pages/1").json()
    assert page["text"].encode() == first


def test_an_original_that_got_lost_is_an_error_before_the_download_begins(
    server: LecternServer,
) -> None:
    document = server.add("lost.txt", b"The map is lost.", collection="lost")
    sha256 = document["content_sha256"]
    (server.data_dir / "originals" / sha256[:2] / sha256).unlink()
    response = server.http.get(f"/documents/{document['id']}/content")
    expect_error(response, 503, "storage_unavailable")


def test_watching_a_document_that_is_deleted_ends_with_the_whole_document(
    server: LecternServer,
) -> None:
    pages = [f"Chapter {number}. " + "The tide rises and falls. " * 400 for number in range(60)]
    document = server.upload("tides.txt", "\f".join(pages).encode(), collection="watched").json()
    address = f"/documents/{document['id']}"
    name, body = "", ""
    with server.http.stream("GET", f"{address}/events") as response:
        lines = response.iter_lines()
        next(lines)
        assert server.http.delete(address).status_code == 200
        for line in lines:
            name = line.removeprefix("event: ") if line.startswith("event: ") else name
            body = line.removeprefix("data: ") if line.startswith("data: ") else body
    last = json.loads(body)
    assert (name, last["status"], last["error"]["code"]) == ("failed", "failed", "document_deleted")
    assert set(last) == set(document) - {"duplicate"}


@contextmanager
def disk_full_beyond(server: LecternServer, size_bytes: int) -> Iterator[None]:
    """No file of the API process grows beyond this size."""
    before = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, before)


def test_an_upload_that_the_disk_cannot_take_says_so(server: LecternServer) -> None:
    with disk_full_beyond(server, 512 << 10):
        small_enough_for_memory, spooled = b"full " * 150_000, b"full " * 500_000
        for content in (small_enough_for_memory, spooled):
            response = server.upload("big.txt", content, collection="full")
            expect_error(response, 503, "storage_unavailable")
            assert response.headers["retry-after"]
    assert server.add("after.txt", b"Space again.", collection="full")["status"] == "ready"
    assert "File too large" in server.log.read_text()


def test_one_file_that_the_disk_cannot_take_does_not_fail_the_others(
    server: LecternServer,
) -> None:
    unlucky = b"There is no place for this one."
    in_the_way = server.data_dir / "originals" / hashlib.sha256(unlucky).hexdigest()[:2]
    in_the_way.write_text("not a folder")
    files = [("file", ("unlucky.txt", unlucky)), ("file", ("lucky.txt", b"There is for this."))]
    response = server.http.post("/documents", files=files, data={"collection": "several"})
    in_the_way.unlink()
    assert response.status_code == 202, response.text
    failed, accepted = response.json()["documents"]
    assert (failed["filename"], failed["error"]["code"]) == ("unlucky.txt", "storage_unavailable")
    assert server.wait_until_final(accepted["id"])["status"] == "ready"


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"collection": "a b"}, "invalid_collection_name"),
        ({"metadata": '{"a": 1e999}'}, "invalid_metadata"),
        ({"external_id": "x"}, "invalid_request"),
    ],
)
def test_a_mistake_that_concerns_all_files_refuses_the_request(
    server: LecternServer, form: dict[str, str], code: str
) -> None:
    files = [("file", ("a.txt", b"One.")), ("file", ("b.txt", b"Two."))]
    expect_error(server.http.post("/documents", files=files, data=form), 422, code)


def test_the_description_says_what_becomes_of_acl_and_metadata(server: LecternServer) -> None:
    schema = server.http.get("/openapi.json").json()["components"]["schemas"]
    form = schema["Body_uploadDocuments"]["properties"]
    assert "there for them alone" in form["acl"]["description"]
    assert "duplicate" in form["metadata"]["description"]
