"""What somebody may not read is not there for them, on any surface."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import ROOT
from tests.e2e.keys import bearer, lectern_keys, operator
from tests.e2e.server import LecternServer

ANN, BOB = {"X-Lectern-On-Behalf-Of": "user:ann"}, {"X-Lectern-On-Behalf-Of": "user:bob"}
# Somebody of the same group as Ann, whose own name is on no list.
CREW = {"X-Lectern-On-Behalf-Of": "user:eve, group:crew"}
NOBODY = {"X-Lectern-On-Behalf-Of": "user:nobody"}
QUESTION = "What is the pass phrase of the strong room?"
# Of Ann's document: its words, and its name. Bob has one that answers the same question.
SECRET, SECRET_NAME = "zirconium", "annals-4711"
NOWHERE = "00000000-0000-4000-8000-000000000000"


MCP = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}


class World:
    """A collection with a document for everybody, one for Ann and the crew, and one for Bob.

    `with_keys`: each comes with a key, instead of being asked for by the operator.
    """

    def __init__(self, server: LecternServer, *, with_keys: bool) -> None:
        self.server = server
        self._keys: dict[str, dict[str, str]] | None = {} if with_keys else None
        if with_keys:
            lectern_keys(server.data_dir, "create", "first")
            server.http.headers.update(operator(server))
        self.public = server.add(
            "opening.txt", b"The museum opens at nine in the morning.", collection="rooms"
        )
        pdf = (ROOT / "docs/sample/lighthouse.pdf").read_bytes()
        self.anns_pdf = server.add(
            f"{SECRET_NAME}.pdf", pdf, collection="rooms", acl='["user:ann"]'
        )
        self.anns = self.add_anns("rooms")
        self.bobs = server.add(
            "bob.txt",
            b"The pass phrase of the strong room is magnolia.",
            collection="rooms",
            acl='["user:bob"]',
        )

    @cached_property
    def told(self) -> dict[str, Any]:
        """What Ann was answered from her document."""
        return self.chat(ANN)

    def add_anns(self, collection: str) -> dict[str, Any]:
        return self.server.add(
            f"{SECRET_NAME}.txt",
            f"The pass phrase of the strong room is {SECRET}.".encode(),
            collection=collection,
            external_id=f"secret-{collection}",
            acl='["group:crew", "user:ann"]',
        )

    def send(self, method: str, path: str, who: dict[str, str], **how: Any) -> httpx.Response:  # noqa: ANN401
        said = self._as_sent(who)
        headers = {**said, **MCP} if path == "/mcp" else said
        return self.server.http.request(method, path, headers=headers, **how)

    def _as_sent(self, who: dict[str, str]) -> dict[str, str]:
        if self._keys is None or not who:
            return who
        principals = who["X-Lectern-On-Behalf-Of"]
        if principals not in self._keys:
            options = [f"--principal={one.strip()}" for one in principals.split(",")]
            name = f"k{len(self._keys)}"
            scopes = ("--scope=read", "--scope=write")
            self._keys[principals] = bearer(self.server, name, *scopes, *options)
        return self._keys[principals]

    def chat(self, who: dict[str, str], message: str = QUESTION, **more: Any) -> dict[str, Any]:  # noqa: ANN401
        reply = self.send(
            "POST", "/chat", who, json={"message": message, "collection": "rooms", **more}
        )
        assert reply.status_code == 200, reply.text
        answer: dict[str, Any] = reply.json()
        return answer


@pytest.fixture(scope="module", params=["on behalf", "with keys"])
def world(make_data_dir: Callable[[], Path], request: pytest.FixtureRequest) -> Iterator[World]:
    with LecternServer(make_data_dir(), LECTERN_OCR="off") as server:
        yield World(server, with_keys=request.param == "with keys")


def test_who_is_on_the_list_is_answered_from_it(world: World) -> None:
    for who in (ANN, CREW):
        assert SECRET in world.chat(who)["answer"]
    assert "magnolia" in world.chat(BOB)["answer"]
    everything = world.chat({}, top_k=10)
    assert {SECRET, "magnolia"} & set(json.dumps(everything).replace(".", " ").split())


def mcp(tool: str, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401
    params = {"name": tool, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


SURFACES: list[tuple[str, str, Any]] = [
    ("GET", "/documents?limit=500", None),
    ("GET", f"/documents?filename={SECRET_NAME}", None),
    ("GET", "/documents?collection=rooms&status=ready", None),
    ("GET", "/documents/{id}", None),
    ("GET", "/documents/{id}/content", None),
    ("GET", "/documents/{id}/pages/1", None),
    ("GET", "/documents/{id}/pages/1.png", None),
    ("GET", "/documents/{id}/report", None),
    ("GET", "/documents/{id}/events", None),
    ("PATCH", "/documents/{id}", {"metadata": {"a": 1}}),
    ("PATCH", "/documents/{id}", {"acl": []}),
    ("POST", "/documents/{id}/cancel", None),
    ("POST", "/documents/{id}/retry", None),
    ("POST", "/documents/{id}/rollback", None),
    ("DELETE", "/documents/{id}", None),
    ("POST", "/documents/lookup", {"ids": ["{id}"]}),
    ("POST", "/documents/known", {"collection": "rooms", "sha256": ["{sha256}"]}),
    ("POST", "/search", {"query": QUESTION, "collection": "rooms", "top_k": 50}),
    (
        "POST",
        "/search",
        {"query": QUESTION, "collection": "rooms", "filters": {"document_id": "{id}"}},
    ),
    ("POST", "/chat", {"message": QUESTION, "collection": "rooms"}),
    ("POST", "/chat", {"message": QUESTION, "collection": "rooms", "stream": True}),
    ("GET", "/conversations", None),
    ("GET", "/conversations/{conversation_id}", None),
    ("PATCH", "/conversations/{conversation_id}", {"title": "mine"}),
    ("DELETE", "/conversations/{conversation_id}", None),
    ("POST", "/chat", {"message": "And why?", "conversation_id": "{conversation_id}"}),
    ("GET", "/answers/{answer_id}", None),
    ("GET", "/answers/{answer_id}/explain", None),
    ("POST", "/feedback", {"answer_id": "{answer_id}", "rating": "down"}),
    ("GET", "/collections", None),
    ("GET", "/v1/models", None),
    ("POST", "/mcp", mcp("search", query=QUESTION, collection="rooms")),
    ("POST", "/mcp", mcp("ask", question=QUESTION, collection="rooms")),
    ("POST", "/mcp", mcp("list_documents", collection="rooms")),
    ("POST", "/mcp", mcp("read_page", document_id="{id}", page=1)),
    (
        "POST",
        "/v1/chat/completions",
        {"model": "rooms", "messages": [{"role": "user", "content": QUESTION}]},
    ),
]


@pytest.mark.parametrize("who", [BOB, NOBODY], ids=["bob", "nobody"])
@pytest.mark.parametrize(("method", "path", "body"), SURFACES)
def test_no_surface_tells_of_it(
    world: World,
    method: str,
    path: str,
    body: Any,  # noqa: ANN401
    who: dict[str, str],
) -> None:
    told = world.told
    for document in (world.anns, world.anns_pdf):
        known = {
            "id": document["id"],
            "sha256": document["content_sha256"],
            "conversation_id": told["conversation_id"],
            "answer_id": told["answer_id"],
        }
        address, given = path, json.dumps(body)
        for name, value in known.items():
            address = address.replace(f"{{{name}}}", value)
            given = given.replace(f"{{{name}}}", value)
        reply = world.send(method, address, who, json=json.loads(given) if body else None)
        assert SECRET not in reply.text
        assert SECRET_NAME not in reply.text
        if reply.is_success:
            # What was asked for is echoed; what was not is what must not come.
            assert document["content_sha256"] not in reply.text
            assert document["id"] not in reply.text or document["id"] in given
        else:
            assert reply.status_code == 404, reply.text
    kept = world.send("GET", f"/conversations/{told['conversation_id']}", ANN)
    assert SECRET in kept.text, "it was changed by who may not"
    if "{id}" in path:
        assert SECRET in world.chat(ANN)["answer"], "it was changed by who may not"


def test_agents_are_told_of_what_they_may_read(world: World) -> None:
    asked = world.send("POST", "/mcp", ANN, json=mcp("ask", question=QUESTION, collection="rooms"))
    assert SECRET in asked.text
    page = mcp("read_page", document_id=world.anns["id"], page=1)
    assert SECRET in world.send("POST", "/mcp", CREW, json=page).text
    assert "document_not_found" in world.send("POST", "/mcp", BOB, json=page).text


def test_asked_for_by_name_it_is_not_there(world: World) -> None:
    for who in (BOB, NOBODY):
        asked = world.chat(who, f"What does {SECRET_NAME}.txt say?", keep=False)
        assert SECRET not in json.dumps(asked)
        assert {one["document_id"] for one in asked["citations"]} <= {
            world.public["id"],
            world.bobs["id"],
        }


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [one for one in SURFACES if "{id}" in one[1] and one[0] != "DELETE"],
)
def test_hidden_and_unknown_are_told_alike(
    world: World,
    method: str,
    path: str,
    body: Any,  # noqa: ANN401
) -> None:
    replies = []
    for document_id in (world.anns["id"], NOWHERE):
        reply = world.send(method, path.replace("{id}", document_id), BOB, json=body)
        said = reply.json()
        del said["request_id"]
        replies.append((reply.status_code, json.dumps(said).replace(document_id, "")))
    assert replies[0] == replies[1]


def test_counts_and_explanations_leave_out_what_is_hidden(world: World) -> None:
    counted = {}
    for name, who in (("ann", ANN), ("bob", BOB), ("nobody", NOBODY), ("operator", {})):
        listed = world.send("GET", "/collections", who).json()["collections"]
        [rooms] = [one for one in listed if one["name"] == "rooms"]
        counted[name] = rooms["documents"]
        one = world.send("GET", "/collections/rooms", who).json()
        assert (one["documents"], one["chunks"]) == (rooms["documents"], rooms["chunks"])
    assert counted == {"ann": 3, "bob": 2, "nobody": 1, "operator": 4}
    asked = world.chat(BOB)
    explained = world.send("GET", f"/answers/{asked['answer_id']}/explain", BOB).json()
    seen = {one["document_id"] for stage in explained["stages"] for one in stage["candidates"]}
    assert seen == {world.public["id"], world.bobs["id"]}
    assert all(stage["count"] <= 2 for stage in explained["stages"])


def test_questions_of_others_are_suggested_only_with_their_documents(world: World) -> None:
    world.add_anns("asked")
    world.server.add("opening.txt", b"The museum opens at nine.", collection="asked")
    world.chat(ANN, "Which pass phrase has the strong room?", collection="asked")
    world.chat(ANN, "What must be said at the door of the strong room?", collection="asked")
    assert world.chat(CREW, collection="asked")["related_questions"] != []
    for who in (BOB, NOBODY):
        assert world.chat(who, collection="asked")["related_questions"] == []


def test_access_that_is_taken_away_takes_answers_with_it(world: World) -> None:
    document = world.add_anns("withdrawn")
    told = world.chat(CREW, collection="withdrawn")
    assert SECRET in told["answer"]
    address = f"/documents/{document['id']}"
    assert world.send("PATCH", address, {}, json={"acl": ["user:ann"]}).status_code == 200
    for path in (f"/conversations/{told['conversation_id']}", f"/answers/{told['answer_id']}"):
        reply = world.send("GET", path, CREW)
        assert reply.status_code == 200
        assert SECRET not in reply.text
    assert SECRET not in json.dumps(world.chat(CREW, collection="withdrawn"))
    follow_up = {"message": "Say it again.", "conversation_id": told["conversation_id"]}
    assert SECRET not in world.send("POST", "/chat", CREW, json=follow_up).text
    assert world.send("PATCH", address, {}, json={"acl": ["group:crew"]}).status_code == 200
    assert SECRET in world.chat(CREW, collection="withdrawn")["answer"]


def test_what_was_found_and_is_hidden_now_is_explained_no_more(world: World) -> None:
    for number in range(9):
        world.server.add(f"{number}.txt", f"Room {number} is small.".encode(), collection="many")
    hidden = world.server.add(f"{SECRET_NAME}-many.txt", b"Rooms are rooms.", collection="many")
    told = world.chat(ANN, "Which room is small?", collection="many", top_k=1)
    address = f"/answers/{told['answer_id']}/explain"
    before = world.send("GET", address, ANN)
    assert hidden["id"] in before.text
    assert hidden["id"] not in json.dumps(told)
    world.send("PATCH", f"/documents/{hidden['id']}", {}, json={"acl": ["user:bob"]})
    after = world.send("GET", address, ANN)
    assert after.json()["traced"]
    assert hidden["id"] not in after.text
    counts = [[stage["count"] for stage in one.json()["stages"]] for one in (before, after)]
    assert counts[1][0] == counts[0][0] - 1


def test_a_next_version_keeps_its_access_where_none_is_said(world: World) -> None:
    document = world.add_anns("versions")
    form = {"collection": "versions", "external_id": "secret-versions"}
    newer = world.server.add("newer.txt", b"Another phrase: magnolia.", **form)
    assert (newer["id"], newer["version"]) == (document["id"], 2)
    assert newer["acl"] == document["acl"]
    opened = world.server.add("open.txt", b"No phrase at all.", **form, acl="[]")
    assert (opened["version"], opened["acl"]) == (3, [])


def test_the_same_bytes_of_others_stay_theirs(world: World) -> None:
    content = f"The pass phrase of the strong room is {SECRET}.".encode()
    files = {"file": ("mine.txt", content)}
    form = {"collection": "rooms", "acl": '["user:bob2"]'}
    bob = {"X-Lectern-On-Behalf-Of": "user:bob2"}
    first = world.send("POST", "/documents", bob, files=files, data=form)
    assert first.status_code == 202, "told apart from bytes that nobody has"
    mine = first.json()
    assert mine["id"] != world.anns["id"]
    again = world.send("POST", "/documents", bob, files=files, data=form)
    assert (again.status_code, again.json()["id"]) == (200, mine["id"])
    taken = world.send(
        "POST", "/documents", bob, files=files, data={**form, "external_id": "secret-rooms"}
    )
    assert (taken.status_code, taken.json()["error"]) == (409, "external_id_taken")
    assert world.send("DELETE", f"/documents/{mine['id']}", bob).status_code == 200
    assert SECRET in world.chat(ANN)["answer"]
    # What somebody uploads for others alone is one document too, however often they do.
    form["acl"] = '["group:elsewhere"]'
    once, twice = (
        world.send("POST", "/documents", bob, files=files, data=form).json() for _ in range(2)
    )
    assert once["id"] == twice["id"]
    assert world.send("GET", f"/documents/{once['id']}", bob).status_code == 404


@pytest.mark.parametrize(
    "value", ["", ",", "x" * 999, "a\tb", b"user:j\xf6rg", "key:0a1b", "group:crew"]
)
def test_a_header_that_names_nobody_is_refused(world: World, value: str | bytes) -> None:
    name = b"X-Lectern-On-Behalf-Of"
    headers = {name: value if isinstance(value, bytes) else value.encode()}
    reply = world.server.http.get("/documents", headers=headers)
    assert reply.status_code in {400, 422}
    assert "documents" not in reply.text
