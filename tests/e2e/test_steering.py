"""Stopping an ingestion and having it done again, over HTTP and by the command line."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.e2e.server import LecternServer

MISSING = "00000000-0000-4000-8000-000000000000"


def lectern(server: LecternServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lectern", *arguments, "--url", server.url],
        env={**os.environ, "LECTERN_DATA_DIR": str(server.data_dir)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_cancelled_document_fails_as_such_and_can_be_read_after_all(
    server: LecternServer,
) -> None:
    long = "\n\n".join(f"Chapter {n}. The ferry sails at {n} minutes past." for n in range(4000))
    first = server.upload("long.txt", long.encode(), collection="steering").json()
    second = server.upload("short.txt", b"The lamp is 30 m high.", collection="steering").json()
    for document in (second, first):
        cancelled = server.http.post(f"/documents/{document['id']}/cancel").json()
        assert cancelled["status"] == "failed"
        assert cancelled["error"]["code"] == "cancelled"
    assert server.search("ferry", collection="steering")["hits"] == []
    again = server.http.post(f"/documents/{second['id']}/retry")
    assert (again.status_code, again.json()["error"]) == (202, None)
    assert server.wait_until_final(second["id"])["status"] == "ready"
    answer = server.chat("How high is the lamp?", collection="steering")
    assert "30 m" in answer["answer"]


def test_a_document_that_answers_is_read_again_beside_itself(server: LecternServer) -> None:
    document = server.add("fares.txt", b"The ferry to Eigg costs 4 pounds.", collection="again")
    accepted = server.http.post(f"/documents/{document['id']}/retry").json()
    assert accepted["version"] == 2
    final = server.wait_until_final(document["id"])
    assert (final["status"], final["version"]) == ("ready", 2)
    assert len(server.search("ferry", collection="again")["hits"]) == 1


def test_what_does_not_exist_cannot_be_steered(server: LecternServer) -> None:
    for action in ("cancel", "retry"):
        response = server.http.post(f"/documents/{MISSING}/{action}")
        assert (response.status_code, response.json()["error"]) == (404, "document_not_found")


def test_the_command_line_cancels_and_tries_again(server: LecternServer) -> None:
    document = server.add("empty.txt", b" \n ", collection="commands")
    assert document["error"]["code"] == "no_text"
    listed = lectern(server, "list", "--collection", "commands")
    assert "failed: no_text" in listed.stdout
    retried = lectern(server, "retry", document["id"])
    assert retried.stdout.startswith(f"queued {document['id']} empty.txt")
    server.wait_until_final(document["id"])
    cancelled = lectern(server, "cancel", document["id"])
    assert cancelled.stdout.startswith(f"failed {document['id']}")
    assert lectern(server, "retry", MISSING).returncode == 1


def test_a_single_upload_overtakes_an_import(server: LecternServer) -> None:
    slow = "\n\n".join(f"Page {n} of an old archive about ferries." for n in range(3000)).encode()
    imported = [
        server.upload(f"{n}.txt", slow + bytes([n]), collection="import", priority="bulk").json()
        for n in (65, 66, 67)
    ]
    server.add("urgent.txt", b"The gate opens at noon.", collection="urgent")
    states = [server.http.get(f"/documents/{one['id']}").json()["status"] for one in imported]
    assert "queued" in states
    for one in imported:
        assert server.http.delete(f"/documents/{one['id']}").json()["verified"]


def test_a_priority_that_does_not_exist_is_refused(server: LecternServer) -> None:
    response = server.upload("a.txt", b"text", priority="now")
    assert (response.status_code, response.json()["error"]) == (422, "invalid_request")
