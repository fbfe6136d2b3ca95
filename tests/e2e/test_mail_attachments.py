from __future__ import annotations

import time
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from tests.e2e.server import LecternServer
from tests.samples import files

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
FERRY = files.pdf([["Ferries", "The night ferry to Fetlar leaves at 23:40 from pier nine."]])
MENU = files.docx("Menu", ["The galley serves haddock with oatmeal on Thursdays."])


def mail(subject: str, *attached: tuple[str, bytes, str]) -> bytes:
    message = EmailMessage()
    message["From"] = "ann@example.org"
    message["To"] = "bob@example.org"
    message["Date"] = "Mon, 04 Mar 2024 10:00:00 +0000"
    message["Subject"] = subject
    message.set_content("Dear Bob, the harbour office sends the papers you asked for.")
    for name, data, kind in attached:
        maintype, subtype = kind.split("/")
        message.add_attachment(data, maintype=maintype, subtype=subtype, filename=name)
    return message.as_bytes()


TRIP = mail("Your trip", ("ferry.pdf", FERRY, "application/pdf"), ("menu.docx", MENU, DOCX))


def family(server: LecternServer, parent_id: str) -> dict[str, dict[str, Any]]:
    """All within a document by filename, each in its final state."""
    found = {}
    for attached in server.http.get(f"/documents/{parent_id}").json()["attachments"]:
        document = server.wait_until_final(attached["document_id"])
        found[attached["filename"]] = document
        found.update(family(server, document["id"]))
    return found


def test_what_is_attached_to_a_mail_answers_with_its_own_citation(server: LecternServer) -> None:
    parent = server.add("trip.eml", TRIP, collection="mail", acl='["group:crew"]')
    children = family(server, parent["id"])
    assert {name: one["status"] for name, one in children.items()} == {
        "ferry.pdf": "ready",
        "menu.docx": "ready",
    }
    assert {one["parent_id"] for one in children.values()} == {parent["id"]}
    assert all(one["acl"] == ["group:crew"] for one in children.values())
    answer = server.chat("When does the night ferry to Fetlar leave?", collection="mail")
    citation = answer["citations"][0]
    assert citation["document_id"] == children["ferry.pdf"]["id"]
    assert "23:40" in citation["quote"]
    within = server.http.get("/documents", params={"parent_id": parent["id"]}).json()
    assert {one["filename"] for one in within["documents"]} == set(children)
    content = server.http.get(f"/documents/{children['ferry.pdf']['id']}/content").content
    assert content == FERRY


def test_a_mail_is_changed_and_deleted_with_all_attached_to_it(server: LecternServer) -> None:
    parent = server.add("trip.eml", TRIP, collection="mail-family")
    children = family(server, parent["id"])
    change = {"acl": ["group:crew"], "metadata": {"trip": 7}}
    assert server.http.patch(f"/documents/{parent['id']}", json=change).status_code == 200
    for child in children.values():
        address = f"/documents/{child['id']}"
        body = server.http.get(address).json()
        assert (body["acl"], body["metadata"]) == (["group:crew"], {"trip": 7})
        refused = server.http.patch(address, json={"acl": []})
        assert (refused.status_code, refused.json()["error"]) == (409, "belongs_to_parent")
        assert parent["id"] in refused.json()["hint"]
    receipt = server.http.delete(f"/documents/{parent['id']}").json()
    chunks = parent["chunks"] + sum(child["chunks"] for child in children.values())
    assert (receipt["points_removed"], receipt["children_deleted"]) == (chunks, 2)
    assert receipt["verified"]
    assert server.search("haddock on Thursdays", collection="mail-family")["hits"] == []
    for child in children.values():
        assert server.http.get(f"/documents/{child['id']}").status_code == 404


def test_mails_attached_as_files_bring_their_own_attachments(server: LecternServer) -> None:
    inner = ("trip.eml", TRIP, "application/octet-stream")
    broken = ("broken.pdf", b"%PDF-1.4 and nothing", "application/pdf")
    song = ("song.mp3", b"ID3" + bytes(200), "audio/mpeg")
    parent = server.add("outer.eml", mail("Papers", inner, broken, song), collection="mail-deep")
    assert parent["status"] == "ready"
    assert parent["warnings"] == [
        "Attachments that were not read (of no kind that is read here): song.mp3."
    ]
    found = family(server, parent["id"])
    assert {name: one["status"] for name, one in found.items()} == {
        "broken.pdf": "failed",
        "trip.eml": "ready",
        "ferry.pdf": "ready",
        "menu.docx": "ready",
    }
    assert found["broken.pdf"]["error"]["code"] == "broken_file"
    assert found["ferry.pdf"]["parent_id"] == found["trip.eml"]["id"]


def test_a_server_killed_at_any_stage_ends_with_each_attachment_once(
    make_data_dir: Callable[[], Path],
) -> None:
    attached = [
        (f"{subject}.pdf", files.long_pdf(4, subject), "application/pdf")
        for subject in ("copper", "wheat", "linen")
    ]
    with LecternServer(make_data_dir()) as server:
        parent = server.upload("reports.eml", mail("Reports", *attached)).json()
        for stage in ("ready", "parsing", "embedding"):
            wait_for_any(server, stage)
            server.kill()
            server.start()
        assert server.wait_until_final(parent["id"])["status"] == "ready"
        found = family(server, parent["id"])
        assert {name: one["status"] for name, one in found.items()} == {
            "copper.pdf": "ready",
            "wheat.pdf": "ready",
            "linen.pdf": "ready",
        }
        assert len(server.http.get("/documents").json()["documents"]) == 4
        receipt = server.http.delete(f"/documents/{parent['id']}").json()
        chunks = sum(one["chunks"] for one in found.values())
        parent_chunks = 1
        assert receipt["points_removed"] == chunks + parent_chunks
        assert list((server.data_dir / "scratch").glob("*/*")) == []


def wait_for_any(server: LecternServer, stage: str) -> None:
    """Until a document is at the stage, or none will be any more."""
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        documents = server.http.get("/documents").json()["documents"]
        states = {document["status"] for document in documents}
        if stage in states or (len(documents) > 1 and states == {"ready"}):
            return
        time.sleep(0.02)
    raise AssertionError(f"never {stage}:\n{server.log.read_text()}")
