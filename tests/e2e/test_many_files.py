from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.e2e.server import LecternServer


@pytest.fixture(scope="module")
def server(make_data_dir: Callable[[], Path]) -> Iterator[LecternServer]:
    folder = make_data_dir()
    with LecternServer(folder, LECTERN_MAX_FILE_MB="1", LECTERN_MAX_FILES="40") as running:
        yield running


def send(
    server: LecternServer, files: list[tuple[str, bytes]], collection: str, **form: str
) -> httpx.Response:
    return server.http.post(
        "/documents",
        files=[("file", file) for file in files],
        data={"collection": collection, **form},
    )


def listed(server: LecternServer, collection: str) -> list[dict[str, Any]]:
    query = {"collection": collection, "limit": "500"}
    found: list[dict[str, Any]] = server.http.get("/documents", params=query).json()["documents"]
    return found


def staged(server: LecternServer) -> list[Path]:
    return list((server.data_dir / "originals" / "staging").iterdir())


def eventually(what: object, expected: object) -> None:
    deadline_s = time.monotonic() + 30
    while what() != expected:  # type: ignore[operator]
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def test_every_file_of_a_request_has_its_outcome_in_order(server: LecternServer) -> None:
    files = [(f"{number}.txt", b"Note number %d." % number) for number in range(38)]
    files[3] = ("big.txt", b"x " * 600_000)
    files[5] = files[0]
    response = send(server, files, "order")
    assert response.status_code == 202
    outcomes = response.json()["documents"]
    assert [one["filename"] for one in outcomes] == [name for name, _ in files]
    assert outcomes[3]["error"]["code"] == "file_too_large"
    assert (outcomes[5]["duplicate"], outcomes[5]["id"]) == (True, outcomes[0]["id"])
    assert len(listed(server, "order")) == 36
    assert staged(server) == []


def test_more_files_than_allowed_are_refused_together(server: LecternServer) -> None:
    files = [(f"{number}.txt", b"Too many, %d." % number) for number in range(41)]
    response = send(server, files, "many")
    assert (response.status_code, response.json()["error"]) == (413, "too_many_files")
    assert listed(server, "many") == []
    assert staged(server) == []


def test_a_document_is_replaced_by_one_file(server: LecternServer) -> None:
    document = server.add("a.txt", b"One of a kind.", collection="one")
    files = [("file", ("b.txt", b"Two.")), ("file", ("c.txt", b"Three."))]
    response = server.http.put(f"/documents/{document['id']}", files=files)
    assert (response.status_code, response.json()["error"]) == (413, "too_many_files")
    assert server.http.get(f"/documents/{document['id']}").json()["version"] == 1


def test_many_files_and_documents_are_asked_about_at_once(server: LecternServer) -> None:
    contents = [b"Known note %d." % number for number in range(3)]
    sent = send(server, [(f"{n}.txt", one) for n, one in enumerate(contents[:2])], "known")
    ids = [document["id"] for document in sent.json()["documents"]]
    server.upload("named.txt", contents[2], collection="known", external_id="named")
    hashes = [hashlib.sha256(content).hexdigest() for content in contents]

    asked = server.http.post("/documents/known", json={"collection": "known", "sha256": hashes})
    found = {one["content_sha256"]: one["id"] for one in asked.json()["documents"]}
    assert found == dict(zip(hashes[:2], ids, strict=True))
    elsewhere = server.http.post("/documents/known", json={"sha256": hashes})
    assert elsewhere.json() == {"documents": []}

    assert server.http.delete(f"/documents/{ids[0]}").is_success
    asked = server.http.post("/documents/lookup", json={"ids": [*ids, "unknown"]})
    assert [document["id"] for document in asked.json()["documents"]] == [ids[1]]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("known", {"sha256": ["x"]}),
        ("known", {"sha256": ["0" * 64] * 501}),
        ("known", {"sha256": [], "collection": "a b"}),
        ("known", {}),
        ("lookup", {"ids": ["x"] * 501}),
        ("lookup", {"ids": "x"}),
        ("lookup", {"ids": ["x" * 65]}),
    ],
)
def test_a_wrong_question_about_many_is_refused(
    server: LecternServer, path: str, body: dict[str, object]
) -> None:
    assert server.http.post(f"/documents/{path}", json=body).status_code == 422


def test_fields_that_follow_the_files_count_for_them(server: LecternServer) -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nLate.\r\n'
        b'--b\r\nContent-Disposition: form-data; name="collection"\r\n\r\nlate\r\n--b--\r\n'
    )
    headers = {"content-type": "multipart/form-data; boundary=b"}
    response = server.http.post("/documents", content=body, headers=headers)
    assert (response.status_code, response.json()["collection"]) == (202, "late")


def test_a_client_that_hangs_up_leaves_nothing(server: LecternServer) -> None:
    address = urlsplit(server.url)
    whole_file = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        + b"Whole. " * 60_000
        + b"\r\n"
    )
    head = (
        f"POST /documents HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: 3000000\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    )
    before = len(listed(server, "default"))
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(head.encode() + whole_file * 2)
        eventually(lambda: len(staged(server)), 2)  # a folder and its lock
    eventually(lambda: staged(server), [])
    assert len(listed(server, "default")) == before


def test_what_a_killed_server_was_receiving_is_cleared_at_its_next_start(
    server: LecternServer,
) -> None:
    address = urlsplit(server.url)
    head = (
        f"POST /documents HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: 3000000\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    )
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(head.encode() + b"Half. " * 60_000)
        eventually(lambda: len(staged(server)), 2)
        server.kill()
    assert len(staged(server)) == 2
    server.start()
    assert staged(server) == []
    assert server.add("after.txt", b"Went on.", collection="after")["status"] == "ready"
