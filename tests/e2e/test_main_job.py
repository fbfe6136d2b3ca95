from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.e2e.server import LecternServer
from tests.samples import files

HARBOUR = files.pdf(
    [
        ["The harbour of Port Ellen", "was built in 1881 by the Kildalton company."],
        [
            "Maintenance",
            "The lighthouse keeper checks the foghorn every Thursday morning.",
            "Spare lamps are stored in the red shed behind the chapel.",
        ],
        ["Fees", "A sailing boat pays 14 pounds a night.", "Rowing boats moor free of charge."],
    ]
)


def test_an_uploaded_pdf_answers_with_a_verbatim_quote_and_its_page(
    server: LecternServer,
) -> None:
    document = server.add("Port_Ellen.pdf", HARBOUR, collection="harbour")
    assert document["status"] == "ready"
    assert document["pages"] == 3
    assert document["chunks"] >= 3

    answer = server.chat("What does a sailing boat pay per night?", collection="harbour")
    assert answer["state"] == "answered"
    first = answer["citations"][0]
    assert "14 pounds" in first["quote"]
    assert (first["document_id"], first["page"], first["id"]) == (document["id"], 3, 1)
    assert "[1]" in answer["answer"]
    for citation in answer["citations"]:
        page = server.http.get(f"/documents/{document['id']}/pages/{citation['page']}").json()
        start = citation["start_char"] - page["start_char"]
        end = citation["end_char"] - page["start_char"]
        assert page["text"][start:end] == citation["quote"]


def test_search_finds_the_page_first(server: LecternServer) -> None:
    server.add("Port_Ellen.pdf", HARBOUR, collection="search")
    found = server.search("When is the foghorn checked?", collection="search", top_k=2)
    assert found["hits"][0]["page"] == 2
    assert "Thursday" in found["hits"][0]["text"]
    assert len(found["hits"]) == 2
    assert found["hits"][0]["score"] >= found["hits"][1]["score"]


def test_a_filter_narrows_and_is_echoed(server: LecternServer) -> None:
    server.add("one.txt", b"The ferry to Islay leaves at nine.", collection="filters")
    server.add("two.txt", b"The ferry to Jura leaves at ten.", collection="filters")
    applied = {"filename": "two.txt"}
    found = server.search("When does the ferry leave?", collection="filters", filters=applied)
    assert {hit["filename"] for hit in found["hits"]} == {"two.txt"}
    assert found["applied_filters"] == applied


def test_what_is_not_in_the_documents_is_said_to_be_not_there(server: LecternServer) -> None:
    server.add("Port_Ellen.pdf", HARBOUR, collection="abstain")
    answer = server.chat("Who won the chess championship in Brazil?", collection="abstain")
    assert answer["state"] == "not_in_documents"
    assert answer["citations"] == []
    assert answer["answer"]


def test_the_streamed_tokens_are_the_answer(server: LecternServer) -> None:
    server.add("Port_Ellen.pdf", HARBOUR, collection="stream")
    question = "Where are the spare lamps stored?"
    events = server.chat_events(question, collection="stream")
    names = [name for name, _ in events]
    assert names[0] == "meta"
    assert names[-1] == "done"
    done = events[-1][1]
    assert "".join(data["text"] for name, data in events if name == "token") == done["answer"]
    assert [data for name, data in events if name == "citation"] == done["citations"]
    plain = server.chat(question, collection="stream")
    assert plain["answer"] == done["answer"]
    assert done["answer_id"] == events[0][1]["answer_id"]


def test_a_deleted_document_is_used_by_no_later_answer(server: LecternServer) -> None:
    document = server.add("Port_Ellen.pdf", HARBOUR, collection="deletion")
    question = "What does a sailing boat pay per night?"
    assert server.chat(question, collection="deletion")["state"] == "answered"
    receipt = server.http.delete(f"/documents/{document['id']}").json()
    assert receipt == {
        "id": document["id"],
        "deleted": True,
        "points_removed": document["chunks"],
        "children_deleted": 0,
        "verified": True,
    }
    assert server.chat(question, collection="deletion")["state"] == "not_in_documents"
    assert server.search(question, collection="deletion")["hits"] == []
    for path in ("", "/content", "/pages/1"):
        gone = server.http.get(f"/documents/{document['id']}{path}")
        assert (gone.status_code, gone.json()["error"]) == (404, "document_not_found")


def test_the_original_comes_back_byte_for_byte_as_a_download(server: LecternServer) -> None:
    document = server.add("Port Ellen é.pdf", HARBOUR, collection="content")
    response = server.http.get(f"/documents/{document['id']}/content")
    assert response.content == HARBOUR
    assert response.headers["content-type"] == "application/pdf"
    assert response.headers["content-disposition"].startswith("attachment")


def test_the_same_bytes_are_the_same_document_also_when_sent_at_once(
    server: LecternServer,
) -> None:
    def send(_: int) -> httpx.Response:
        return httpx.post(
            f"{server.url}/documents",
            files={"file": ("a.txt", b"The same bytes, again and again.")},
            data={"collection": "twins"},
            timeout=60,
            trust_env=False,
        )

    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(send, range(16)))
    assert len({response.json()["id"] for response in responses}) == 1
    assert sorted(response.status_code for response in responses) == [200] * 15 + [202]
    server.wait_until_final(responses[0].json()["id"])
    listed = server.http.get("/documents", params={"collection": "twins"}).json()["documents"]
    assert len(listed) == 1


def test_new_bytes_under_an_external_id_replace_the_old_ones(server: LecternServer) -> None:
    form = {"collection": "versions", "external_id": "price-list"}
    first = server.add("prices.txt", b"A ticket to Islay costs 5 pounds.", **form)
    second = server.add("prices.txt", b"A ticket to Islay costs 7 pounds.", **form)
    assert second["id"] == first["id"]
    assert second["version"] == 2
    answer = server.chat("What does a ticket to Islay cost?", collection="versions")
    assert "7 pounds" in answer["answer"]
    found = server.search("ticket to Islay", collection="versions")
    assert [hit["metadata"]["version"] for hit in found["hits"]] == [2]


def test_events_tell_the_way_to_ready(server: LecternServer) -> None:
    accepted = server.upload("events.txt", b"Follow this file to ready.", collection="events")
    document_id = accepted.json()["id"]
    names = []
    with server.http.stream("GET", f"/documents/{document_id}/events") as response:
        names = [
            line.removeprefix("event: ")
            for line in response.iter_lines()
            if line.startswith("event: ")
        ]
    assert names[-1] == "ready"
    assert set(names[:-1]) <= {"progress"}


def test_several_files_in_one_request_have_an_outcome_each(server: LecternServer) -> None:
    response = server.http.post(
        "/documents",
        files=[
            ("file", ("good.md", b"# Boats\n\nA coracle is a small round boat.")),
            ("file", ("empty.txt", b"")),
            ("file", ("word.docx", files.docx("Rope", ["Hemp rope rots when it stays wet."]))),
        ],
        data={"collection": "several"},
    )
    assert response.status_code == 202
    good, empty, word = response.json()["documents"]
    assert empty["error"]["code"] == "empty_file"
    assert server.wait_until_final(good["id"])["status"] == "ready"
    assert server.wait_until_final(word["id"])["status"] == "ready"
    answer = server.chat("What happens to hemp rope that stays wet?", collection="several")
    assert answer["citations"][0]["filename"] == "word.docx"
