from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx

from tests.e2e.server import LecternServer
from tests.samples import files


def put(server: LecternServer, document_id: str, name: str, content: bytes) -> httpx.Response:
    return server.http.put(f"/documents/{document_id}", files={"file": (name, content)})


def test_new_bytes_answer_once_they_are_ready(server: LecternServer) -> None:
    old = server.add("fares.txt", b"The ferry to Rum costs 5 pounds.", collection="put")
    # As large as a file may be here, so the request is larger than any other request may be.
    longer = b"The ferry to Rum costs 9 pounds.".ljust(1 << 20, b"\n")
    response = put(server, old["id"], "new-fares.txt", longer)
    assert response.status_code == 202
    accepted = response.json()
    assert (accepted["id"], accepted["version"], accepted["duplicate"]) == (old["id"], 2, False)
    new = server.wait_until_final(old["id"])
    assert (new["status"], new["filename"]) == ("ready", "new-fares.txt")
    answer = server.chat("What does the ferry to Rum cost?", collection="put")
    assert "9 pounds" in answer["answer"]
    assert "5 pounds" not in answer["answer"]


def test_a_document_that_is_replaced_is_known_by_its_new_bytes(server: LecternServer) -> None:
    document = server.add("a.txt", b"First bytes of all.", collection="identity")
    put(server, document["id"], "a.txt", b"Second bytes of all.")
    server.wait_until_final(document["id"])
    again = server.upload("b.txt", b"Second bytes of all.", collection="identity")
    assert (again.status_code, again.json()["id"]) == (200, document["id"])
    first = server.upload("c.txt", b"First bytes of all.", collection="identity")
    assert first.status_code == 202
    assert first.json()["id"] != document["id"]


def test_the_bytes_that_a_document_has_are_a_duplicate(server: LecternServer) -> None:
    document = server.add("a.txt", b"The same again.", collection="same")
    response = put(server, document["id"], "a.txt", b"The same again.")
    assert response.status_code == 200
    assert response.json()["duplicate"]
    assert response.json()["version"] == 1


def test_the_bytes_of_another_document_are_refused(server: LecternServer) -> None:
    one = server.add("one.txt", b"These are mine.", collection="conflict")
    server.add("two.txt", b"These are taken.", collection="conflict")
    response = put(server, one["id"], "one.txt", b"These are taken.")
    assert (response.status_code, response.json()["error"]) == (409, "duplicate_content")
    assert server.http.get(f"/documents/{one['id']}").json()["version"] == 1


def test_a_version_that_cannot_be_read_leaves_the_one_before_answering(
    server: LecternServer,
) -> None:
    document = server.add("tide.txt", b"High tide is at seven.", collection="broken-put")
    put(server, document["id"], "tide.pdf", files.scanned_pdf())
    failed = server.wait_until_final(document["id"])
    assert (failed["status"], failed["error"]["code"]) == ("failed", "needs_ocr")
    answer = server.chat("When is high tide?", collection="broken-put")
    assert "High tide is at seven." in answer["answer"]
    content = server.http.get(f"/documents/{document['id']}/content")
    assert content.content == b"High tide is at seven."


def test_a_replacement_can_be_taken_back_and_put_in_place_again(server: LecternServer) -> None:
    document = server.add("fares.txt", b"The ferry to Muck costs 5 pounds.", collection="back")
    address = f"/documents/{document['id']}/rollback"
    refused = server.http.post(address)
    assert (refused.status_code, refused.json()["error"]) == (409, "nothing_to_roll_back")
    put(server, document["id"], "new-fares.txt", b"The ferry to Muck costs 9 pounds.")
    server.wait_until_final(document["id"])
    for price, filename in (("5", "fares.txt"), ("9", "new-fares.txt")):
        response = server.http.post(address)
        assert response.status_code == 202, response.text
        final = server.wait_until_final(document["id"])
        assert (final["status"], final["filename"]) == ("ready", filename)
        answer = server.chat("What does the ferry to Muck cost?", collection="back")
        assert f"{price} pounds" in answer["answer"]


def test_metadata_and_access_change_without_ingesting_again(server: LecternServer) -> None:
    document = server.add(
        "m.txt", b"Some text to keep.", collection="patch", metadata='{"team": "sea"}'
    )
    address = f"/documents/{document['id']}"
    changed = server.http.patch(address, json={"metadata": {"team": "land"}}).json()
    assert changed["metadata"] == {"team": "land"}
    assert (changed["acl"], changed["version"], changed["status"]) == ([], 1, "ready")
    changed = server.http.patch(address, json={"acl": ["group:crew"]}).json()
    assert (changed["metadata"], changed["acl"]) == ({"team": "land"}, ["group:crew"])


def test_a_wrong_change_is_refused(server: LecternServer) -> None:
    document = server.add("w.txt", b"Nothing changes here.", collection="patch-wrong")
    address = f"/documents/{document['id']}"
    wrong: list[dict[str, object]] = [
        {"filename": "x"},
        {"metadata": []},
        {"acl": [1]},
        {"acl": ["x" * 999]},
    ]
    for body in wrong:
        response = server.http.patch(address, json=body)
        assert response.status_code == 422, response.text
    missing = "/documents/00000000-0000-4000-8000-000000000000"
    assert server.http.patch(missing, json={"acl": []}).status_code == 404
    assert put(server, missing.rsplit("/", 1)[1], "x.txt", b"x").status_code == 404


def test_a_full_queue_refuses_more_and_loses_nothing(make_data_dir: Callable[[], Path]) -> None:
    with LecternServer(make_data_dir(), LECTERN_MAX_WAITING="2") as server:
        outcomes = [
            server.upload(f"{number}.pdf", files.long_pdf(6, f"subject {number}"))
            for number in range(8)
        ]
        refused = [response for response in outcomes if response.status_code == 429]
        accepted = [response for response in outcomes if response.status_code == 202]
        assert len(refused) + len(accepted) == 8
        assert refused
        assert refused[0].json()["error"] == "queue_full"
        assert int(refused[0].headers["retry-after"]) > 0
        listed = server.http.get("/documents").json()["documents"]
        assert len(listed) == len(accepted)
        for response in accepted:
            assert server.wait_until_final(response.json()["id"])["status"] == "ready"
