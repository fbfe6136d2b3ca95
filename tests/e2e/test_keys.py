"""Who may use a server: with keys, without, with wrong ones, and on its own machine."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.keys import bearer, lectern_keys, operator
from tests.e2e.server import LecternServer
from tests.installed import NEEDS_IPV6

SECRET_OF_NOBODY = "lk_0123456789ab_" + "0" * 64
OPEN = ["/", "/healthz", "/readyz", "/openapi.json"]


class Guarded:
    """A server with keys, and a document in it."""

    def __init__(self, server: LecternServer) -> None:
        self.server = server
        self.http = server.http
        self.document = server.add("opening.txt", b"The museum opens at nine.")
        self.admin = bearer(server, "admin", "--scope", "admin")
        self.read = bearer(server, "reader")
        self.write = bearer(server, "writer", "--scope", "write", "--scope", "read")
        self.backend = bearer(server, "backend", "--on-behalf-of")


@pytest.fixture(scope="module")
def guarded(make_data_dir: Callable[[], Path]) -> Iterator[Guarded]:
    with LecternServer(make_data_dir(), LECTERN_OCR="off") as server:
        yield Guarded(server)


def lectern(server: LecternServer, *arguments: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "lectern", *arguments],
        env={**server.environment, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_without_a_key_only_what_is_open_answers(guarded: Guarded) -> None:
    for path in OPEN:
        assert guarded.http.get(path).is_success
    page = guarded.http.get("/", headers={"Accept": "text/html"}).text
    script = page.partition('src="web/')[2].partition('"')[0]
    assert guarded.http.get(f"/web/{script}").is_success
    assert guarded.http.get("/readyz").json() == {"status": "ready"}
    for path in ("/", "/healthz", "/readyz", "/openapi.json"):
        head = guarded.http.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(guarded.http.get(path).content))
    assert "checks" in guarded.http.get("/readyz", headers=guarded.read).json()
    for method, path in (
        ("GET", "/documents"),
        ("GET", f"/documents/{guarded.document['id']}"),
        ("POST", "/chat"),
        ("POST", "/mcp"),
        ("GET", "/nowhere"),
        ("GET", "/healthz/"),
        ("GET", "/web"),
        ("OPTIONS", "/documents"),
    ):
        reply = guarded.http.request(method, path)
        assert reply.status_code == 401, path
        assert reply.json()["error"] == "unauthorized"
        assert "lectern keys create" in reply.json()["hint"]
        assert reply.headers["www-authenticate"] == "Bearer"


def test_keys_that_open_nothing_are_told_alike(guarded: Guarded) -> None:
    gone = bearer(guarded.server, "gone")
    assert guarded.http.get("/documents", headers=gone).is_success
    lectern_keys(guarded.server.data_dir, "revoke", "gone")
    key_id = gone["Authorization"].split("_")[1]
    told = []
    for presented in (
        gone["Authorization"],
        f"Bearer {SECRET_OF_NOBODY}",
        f"Bearer lk_{key_id}_{'0' * 64}",
        "Bearer x",
        "Bearer",
        "Basic dXNlcjpwYXNz",
        "Bearer \xff",
    ):
        headers = httpx.Headers({"Authorization": presented}, encoding="latin-1")
        reply = guarded.http.get("/documents", headers=headers)
        said = reply.json()
        del said["request_id"]
        told.append((reply.status_code, said, reply.headers["www-authenticate"]))
    assert all(one == told[0] for one in told)
    assert told[0][0] == 401


def test_a_rotated_key_goes_on_for_its_grace_and_no_longer(guarded: Guarded) -> None:
    first = bearer(guarded.server, "turning")
    second = lectern_keys(guarded.server.data_dir, "rotate", "turning")
    third = lectern_keys(guarded.server.data_dir, "rotate", "turning", "--grace-hours", "0")
    statuses = [
        guarded.http.get("/documents", headers={"Authorization": said}).status_code
        for said in (first["Authorization"], f"Bearer {second}", f"Bearer {third}")
    ]
    assert statuses == [401, 401, 200]


def test_scopes_say_what_a_key_is_for(guarded: Guarded) -> None:
    made = {"name": "shelf"}
    assert guarded.http.post("/collections", json=made, headers=guarded.write).status_code == 403
    assert guarded.http.post("/collections", json=made, headers=guarded.admin).status_code == 201
    only_write = bearer(guarded.server, "only-write", "--scope", "write")
    assert guarded.http.get("/documents", headers=only_write).status_code == 403
    address = f"/documents/{guarded.document['id']}"
    assert guarded.http.delete(address, headers=guarded.read).status_code == 403
    assert guarded.http.get(address, headers=guarded.read).is_success


def test_figures_are_for_who_may_read_those_of_all(guarded: Guarded) -> None:
    prometheus = bearer(guarded.server, "prometheus", "--scope", "metrics")
    within = bearer(guarded.server, "counts-one", "--scope", "metrics", "-c", "default")
    boss = bearer(guarded.server, "boss", "--scope", "admin", "--on-behalf-of")
    ann = {"X-Lectern-On-Behalf-Of": "user:ann"}
    for headers, status in (
        (prometheus, 200),
        (guarded.admin, 200),
        (boss, 200),
        ({}, 401),
        (guarded.read, 403),
        (guarded.write, 403),
        (within, 403),
        ({**guarded.backend, **ann}, 403),
        ({**boss, **ann}, 403),
        ({**operator(guarded.server), **ann}, 403),
    ):
        assert guarded.http.get("/metrics", headers=headers).status_code == status
    assert guarded.http.get("/documents", headers=prometheus).status_code == 403


@pytest.mark.parametrize("who", ["nobody", "read"])
def test_nothing_of_an_upload_is_kept_for_who_may_not_write(guarded: Guarded, who: str) -> None:
    """The answer comes while most of the body is still to be sent."""
    headers = {} if who == "nobody" else guarded.read
    length = 600_000_000  # below the limit of a request, and never sent
    lines = {
        "Host": "localhost",
        "Content-Type": "multipart/form-data; boundary=b",
        "Content-Length": str(length),
        "Expect": "100-continue",
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    with socket.create_connection(
        (guarded.http.base_url.host, guarded.http.base_url.port or 80), timeout=30
    ) as it:
        it.sendall(f"POST /documents HTTP/1.1\r\n{head}\r\n".encode())
        answer = it.recv(65536).decode()
    assert answer.startswith("HTTP/1.1 401" if who == "nobody" else "HTTP/1.1 403"), answer
    assert list((guarded.server.data_dir / "originals").rglob("*.part")) == []


def test_who_sends_all_of_a_refused_upload_still_reads_why(guarded: Guarded) -> None:
    files = {"file": ("large.txt", b"x" * 30_000_000)}
    for headers, status in (({}, 401), (guarded.read, 403)):
        assert guarded.http.post("/documents", files=files, headers=headers).status_code == status


def test_collections_of_a_key_are_all_there_is(guarded: Guarded) -> None:
    guarded.http.post(
        "/documents",
        files={"file": ("a.txt", b"A secret of the vault.")},
        data={"collection": "vault"},
        headers=guarded.admin,
    ).raise_for_status()
    within = bearer(
        guarded.server, "within", "-c", "default", "--scope", "read", "--scope", "write"
    )
    listed = guarded.http.get("/collections", headers=within).json()["collections"]
    assert [one["name"] for one in listed] == ["default"]
    question = {"query": "secret", "collection": "vault"}
    assert guarded.http.post("/search", json=question, headers=within).status_code == 404
    upload = guarded.http.post(
        "/documents",
        files={"file": ("b.txt", b"b")},
        data={"collection": "vault"},
        headers=within,
    )
    assert upload.status_code == 404


def test_a_key_reads_as_itself_and_its_principals(guarded: Guarded) -> None:
    document = guarded.http.post(
        "/documents",
        files={"file": ("plan.txt", b"The plan is to paint the hall green.")},
        data={"acl": '["group:painters", "key:painter"]'},
        headers=guarded.admin,
    ).json()
    address = f"/documents/{document['id']}"
    by_name = bearer(guarded.server, "painter")
    by_group = bearer(guarded.server, "helper", "--principal", "group:painters")
    for headers in (by_name, by_group, guarded.admin):
        assert guarded.http.get(address, headers=headers).is_success
    assert guarded.http.get(address, headers=guarded.read).status_code == 404


def test_only_trusted_keys_ask_for_others(guarded: Guarded) -> None:
    ann = {"X-Lectern-On-Behalf-Of": "user:ann"}
    reply = guarded.http.get("/documents", headers={**guarded.read, **ann})
    assert (reply.status_code, reply.json()["error"]) == (403, "forbidden")
    assert "documents" not in reply.json()
    assert guarded.http.get("/documents", headers={**guarded.backend, **ann}).is_success


def test_conversations_are_those_of_a_key(guarded: Guarded) -> None:
    question = {"message": "When does the museum open?"}
    asked = guarded.http.post("/chat", json=question, headers=guarded.read).json()
    address = f"/conversations/{asked['conversation_id']}"
    assert guarded.http.get(address, headers=guarded.read).is_success
    for other in (guarded.write, guarded.admin):
        assert guarded.http.get(address, headers=other).status_code == 404
    assert guarded.http.get(address, headers=operator(guarded.server)).is_success


def test_the_commands_on_the_same_machine_need_no_key(guarded: Guarded, tmp_path: Path) -> None:
    file = tmp_path / "gate.txt"
    file.write_text("The gate is closed at night.")
    code, said = lectern(guarded.server, "add", str(file))
    assert code == 0, said
    code, said = lectern(guarded.server, "ask", "When is the gate closed?")
    assert (code, "closed at night" in said) == (0, True), said
    found = guarded.server.data_dir / "server.json"
    assert stat.S_IMODE(found.stat().st_mode) == 0o600
    assert lectern(guarded.server, "doctor")[0] == 0


def test_the_commands_take_a_key_to_other_machines(guarded: Guarded) -> None:
    key = guarded.read["Authorization"].removeprefix("Bearer ")
    url = guarded.server.url
    code, said = lectern(guarded.server, "list", "--url", url)
    assert (code, "asks for a key" in said) == (1, True), "its own secret goes to its own server"
    code, said = lectern(guarded.server, "list", "--url", url, LECTERN_API_KEY=key)
    assert (code, "opening.txt" in said) == (0, True), said


def test_clients_of_openai_are_told_in_their_words(guarded: Guarded) -> None:
    body = {"model": "default", "messages": [{"role": "user", "content": "When does it open?"}]}
    for headers in ({}, {"Authorization": "Bearer sk-unused"}):
        reply = guarded.http.post("/v1/chat/completions", json=body, headers=headers)
        assert reply.status_code == 401
        error = reply.json()["error"]
        assert (error["code"], error["type"]) == ("invalid_api_key", "invalid_request_error")
    reply = guarded.http.post("/v1/chat/completions", json=body, headers=guarded.read)
    assert "nine" in reply.json()["choices"][0]["message"]["content"]


def test_agents_come_with_the_same_keys(guarded: Guarded) -> None:
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "ask", "arguments": {"question": "When does the museum open?"}},
    }
    accept = {"Accept": "application/json, text/event-stream"}
    assert guarded.http.post("/mcp", json=call, headers=accept).status_code == 401
    reply = guarded.http.post("/mcp", json=call, headers={**accept, **guarded.read})
    assert "nine" in reply.text


@pytest.mark.parametrize(
    ("beyond", "here"),
    [
        ({"LECTERN_HOST": "0.0.0.0"}, "http://127.0.0.1:"),  # noqa: S104
        pytest.param({"LECTERN_HOST": "::"}, "http://[::1]:", marks=NEEDS_IPV6),
        ({"LECTERN_ALLOWED_HOSTS": "lectern.example.org"}, "http://127.0.0.1:"),
    ],
)
def test_a_server_beyond_this_machine_needs_a_key_first(
    make_data_dir: Callable[[], Path], beyond: dict[str, str], here: str
) -> None:
    data_dir = make_data_dir()
    refused = subprocess.run(
        [sys.executable, "-m", "lectern", "serve"],
        env={**os.environ, "LECTERN_DATA_DIR": str(data_dir), "LECTERN_PORT": "0", **beyond},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode == 1
    assert "lectern keys create admin --scope admin" in refused.stderr
    key = lectern_keys(data_dir, "create", "admin", "--scope", "admin")
    with LecternServer(data_dir, **beyond) as server:
        said = json.loads((data_dir / "server.json").read_text())
        assert said["url"].startswith(here)
        assert server.http.get("/documents").status_code == 401
        headers = {"Authorization": f"Bearer {key}"}
        assert server.http.get("/documents", headers=headers).is_success
        assert "Requests need a key" in server.log.read_text()
        assert lectern(server, "doctor", "--ready")[0] == 0
        if here != "http://127.0.0.1:":
            by_ipv4 = f"http://127.0.0.1:{server.http.base_url.port}/documents"
            assert server.http.get(by_ipv4, headers=headers).is_success
