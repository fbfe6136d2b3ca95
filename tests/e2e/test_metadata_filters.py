from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.e2e.server import LecternServer

FIELDS = {"year": "integer", "team": "keyword", "signed": "datetime", "final": "boolean"}


def declare(server: LecternServer, collection: str) -> None:
    response = server.http.post(
        "/collections", json={"name": collection, "metadata_fields": FIELDS}
    )
    assert response.status_code == 201, response.text


def search(server: LecternServer, collection: str, filters: dict[str, Any]) -> httpx.Response:
    body = {"query": "the ferry to Rum", "collection": collection, "filters": filters}
    return server.http.post("/search", json=body)


def found(server: LecternServer, collection: str, filters: dict[str, Any]) -> set[str]:
    response = search(server, collection, filters)
    assert response.status_code == 200, response.text
    assert response.json()["applied_filters"] == filters
    return {hit["filename"] for hit in response.json()["hits"]}


def test_questions_are_narrowed_by_what_documents_say_of_themselves(server: LecternServer) -> None:
    declare(server, "contracts")
    ids = {}
    for name, text, metadata in (
        ("old.txt", b"The ferry to Rum costs 5 pounds.", {"year": 2019, "team": ["sea", "law"]}),
        ("new.txt", b"The ferry to Rum costs 9 pounds.", {"year": 2024, "signed": "2024-05-31"}),
        ("bare.txt", b"The ferry to Rum is blue.", {}),
    ):
        added = server.add(name, text, collection="contracts", metadata=json.dumps(metadata))
        ids[name] = added["id"]
    for filters, expected in (
        ({"year": 2019}, {"old.txt"}),
        ({"year": {"ne": 2019}}, {"new.txt", "bare.txt"}),
        ({"team": "law"}, {"old.txt"}),
        ({"signed": {"lt": "2024-05-31T02:00:00Z"}}, {"new.txt"}),
        ({"not": {"or": [{"year": 2024}, {"filename": "bare.txt"}]}}, {"old.txt"}),
        ({"or": [{"year": 2024}, {"filename": "bare.txt"}]}, {"new.txt", "bare.txt"}),
        ({"final": True}, set()),
    ):
        assert found(server, "contracts", filters) == expected
    question = "What does the ferry to Rum cost?"
    answer = server.chat(question, collection="contracts", filters={"year": {"lt": 2020}})
    assert "5 pounds" in answer["answer"]
    assert "9 pounds" not in answer["answer"]
    assert answer["applied_filters"] == {"year": {"lt": 2020}}

    address = f"/documents/{ids['bare.txt']}"
    server.http.patch(address, json={"metadata": {"final": True}}).raise_for_status()
    assert found(server, "contracts", {"final": True}) == {"bare.txt"}
    server.http.delete(address).raise_for_status()
    assert found(server, "contracts", {"final": True}) == set()
    assert found(server, "contracts", {"year": {"ne": 1}}) == {"old.txt", "new.txt"}


def test_what_does_not_fit_is_refused_with_its_type(server: LecternServer) -> None:
    declare(server, "typed")
    wrong = json.dumps({"year": "2024"})
    response = server.upload("a.txt", b"text", collection="typed", metadata=wrong)
    assert (response.status_code, response.json()["error"]) == (422, "invalid_metadata")
    assert '"year" as integer' in response.json()["detail"]
    many = server.http.post(
        "/documents",
        files=[("file", ("a.txt", b"one")), ("file", ("b.txt", b"two"))],
        data={"collection": "typed", "metadata": wrong},
    )
    assert (many.status_code, many.json()["error"]) == (422, "invalid_metadata")
    document = server.add("a.txt", b"text", collection="typed", metadata='{"year": 2024}')
    address = f"/documents/{document['id']}"
    changed = server.http.patch(address, json={"metadata": {"final": "yes"}})
    assert (changed.status_code, changed.json()["error"]) == (422, "invalid_metadata")
    assert server.http.get(address).json()["metadata"] == {"year": 2024}


def test_an_undeclared_field_is_refused_until_it_is_declared(server: LecternServer) -> None:
    server.add("a.txt", b"The ferry to Rum.", collection="late", metadata='{"year": 2024}')
    refused = search(server, "late", {"year": 2024})
    assert (refused.status_code, refused.json()["error"]) == (422, "invalid_filter")
    assert "metadata_fields" in refused.json()["hint"]
    changed = server.http.patch("/collections/late", json={"metadata_fields": {"year": "integer"}})
    assert changed.json()["metadata_fields"] == {"year": "integer"}
    assert server.http.get("/collections/late").json() == changed.json()
    assert found(server, "late", {"year": 2024}) == {"a.txt"}
    wrong = search(server, "late", {"year": "2024"})
    assert (wrong.status_code, wrong.json()["error"]) == (422, "invalid_filter")
    assert "year" in search(server, "late", {"yeer": 2024}).json()["hint"]
    assert search(server, "nowhere", {"year": 2024}).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "default!"}, 422, "invalid_collection_name"),
        ({"name": "x", "metadata_fields": {"year": "year"}}, 422, "invalid_request"),
        ({"name": "x", "metadata_fields": {"page": "integer"}}, 422, "invalid_request"),
        ({"name": "x", "metadata_fields": {" ": "integer"}}, 422, "invalid_request"),
        ({"name": "x", "colour": "red"}, 422, "invalid_request"),
        ({"name": "taken"}, 409, "collection_exists"),
    ],
)
def test_a_collection_that_cannot_be_made_is_refused(
    server: LecternServer, body: dict[str, Any], status: int, code: str
) -> None:
    server.http.post("/collections", json={"name": "taken"})
    response = server.http.post("/collections", json=body)
    assert (response.status_code, response.json()["error"]) == (status, code)
    assert server.http.patch("/collections/nowhere", json={}).status_code == 404
