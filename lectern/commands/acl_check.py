"""`lectern doctor --acl`: plants private documents, and looks whether others see them anywhere."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from corpus.errors import Unavailable
from corpus.values import FINAL_STATUSES
from lectern.client import Client, ServerError
from lectern.commands.acl_surfaces import QUESTION, SURFACES, Surface
from lectern.commands.findings.finding import Finding

PREFIX = "acl-check-"  # of the collections; what an interrupted run left is known by it
READY_LIMIT_S = 180.0
LOOK_EVERY_S = 0.2
NAMED = 3  # of the leaks of a surface, at most


@dataclass(frozen=True, slots=True)
class Tenant:
    """Somebody made up, and what is theirs alone: a document with a `canary` in name and text."""

    principal: str  # in the document's acl
    person: str  # who asks: as a group nobody does, but somebody in it
    canary: str
    document: dict[str, Any]
    answer: dict[str, Any]

    @property
    def known(self) -> dict[str, str]:
        """What an attacker may have learnt of it, by the names that surfaces use."""
        return {
            "id": self.document["id"],
            "sha256": self.document["content_sha256"],
            "answer_id": self.answer["answer_id"],
            "conversation_id": self.answer["conversation_id"],
        }


def check_access(client: Client) -> Iterator[Finding]:
    """A line for each surface: "broken" with who saw what of whom. Leaves nothing behind.

    The client's key must be an administrator's that may ask on behalf of others.
    """
    _clean_up(client)
    with _planted(client) as (collection, tenants):
        yield from _controls(client, collection, tenants)
        nobody = f"user:{secrets.token_hex(8)}"
        # Who reads along in a Slack channel is nobody, as far as documents are concerned.
        strangers = [*(one.person for one in tenants), nobody]
        for surface in SURFACES:
            yield _looked(client, surface, collection, tenants, strangers)
        yield _counted(client, collection, tenants, nobody)


@contextmanager
def _planted(client: Client) -> Iterator[tuple[str, list[Tenant]]]:
    collection = f"{PREFIX}{secrets.token_hex(6)}"
    try:
        _upload(client, collection, "opening.txt", "The museum opens at nine.", [])
        tenants = [
            _plant(client, collection, kind)
            # People, groups, and people in Slack, as service/slack/access.py names them.
            for kind in ("user:", "group:", "slack:T0/")
        ]
        yield collection, tenants
    finally:
        _clean_up(client)


def _plant(client: Client, collection: str, kind: str) -> Tenant:
    name = secrets.token_hex(6)
    principal = f"{kind}{name}"
    person = f"user:in-{name}, {principal}"
    canary = f"canary{secrets.token_hex(8)}"
    text = f"The pass phrase of the strong room is {canary}."
    document = _upload(client, collection, f"{canary}.txt", text, [principal])
    # Asked with the canary too: neither may the question be suggested to others.
    message = f"Is {canary} the pass phrase of the strong room?"
    body = {"message": message, "collection": collection}
    answer = client.request("POST", "/chat", on_behalf_of=person, json=body)
    if answer.is_error:
        raise _cannot(answer)
    return Tenant(principal, person, canary, document, answer.json())


def _upload(
    client: Client, collection: str, name: str, text: str, acl: list[str]
) -> dict[str, Any]:
    reply = client.request(
        "POST",
        "/documents",
        files={"file": (name, text.encode())},
        data={"collection": collection, "acl": json.dumps(acl)},
    )
    if reply.is_error:
        raise _cannot(reply)
    document: dict[str, Any] = reply.json()
    deadline_s = time.monotonic() + READY_LIMIT_S
    while document["status"] not in FINAL_STATUSES:
        if time.monotonic() > deadline_s:
            raise Unavailable(f"{name} was not ready within {READY_LIMIT_S:.0f} s.")
        time.sleep(LOOK_EVERY_S)
        document = client.document(document["id"])
    return document


def _controls(client: Client, collection: str, tenants: list[Tenant]) -> Iterator[Finding]:
    """That each sees their own: else that others do not would say nothing."""
    for one in tenants:
        body = {"query": QUESTION, "collection": collection, "top_k": 20}
        reply = client.request("POST", "/search", on_behalf_of=one.person, json=body)
        is_there = one.canary in reply.text
        text = "finds what is theirs" if is_there else "does not find what is theirs"
        yield Finding("ok" if is_there else "broken", one.principal, text)


def _looked(
    client: Client,
    surface: Surface,
    collection: str,
    tenants: list[Tenant],
    strangers: list[str],
) -> Finding:
    leaks, looks = [], 0
    for owner in tenants:
        for stranger in strangers:
            if stranger == owner.person:
                continue
            looks += 1
            sent = surface.filled({**owner.known, "collection": collection})
            reply = client.request(
                sent.method, sent.path, on_behalf_of=stranger, json=sent.body, headers=sent.headers
            )
            if what := _leaked(reply, sent, owner):
                leaks.append(f"{stranger} {what} of {owner.principal}")
    if leaks:
        more = f", and {len(leaks) - NAMED} more" if len(leaks) > NAMED else ""
        return Finding("broken", surface.name, f"{'; '.join(leaks[:NAMED])}{more}")
    return Finding("ok", surface.name, f"nothing of others, {looks} times")


def _leaked(reply: httpx.Response, sent: Surface, owner: Tenant) -> str | None:
    if owner.canary in reply.text:
        return "read the document"
    # What was asked for may be echoed.
    said = json.dumps([sent.path, sent.body])
    for name, value in owner.known.items():
        if reply.is_success and value in reply.text and value not in said:
            return f"was told the {name}"
    wanted = sent.refused_with or 404
    if reply.status_code == wanted or (reply.is_success and sent.refused_with is None):
        return None
    return f"got {reply.status_code}, and not {wanted}, for what is"


def _counted(client: Client, collection: str, tenants: list[Tenant], nobody: str) -> Finding:
    counts = []
    for who in (tenants[0].person, nobody):
        reply = client.request("GET", f"/collections/{collection}", on_behalf_of=who)
        counts.append(reply.json().get("documents"))
    if counts == [2, 1]:
        return Finding("ok", "counts", "only what each may read")
    return Finding("broken", "counts", f"2 and 1 documents are counted as {counts}")


def _clean_up(client: Client) -> None:
    for collection in client.collections():
        if collection["name"].startswith(PREFIX):
            client.delete_collection(collection["name"])


def _cannot(reply: httpx.Response) -> ServerError:
    body = reply.json()
    hint = "Use a key of `lectern keys create NAME --scope admin --on-behalf-of`."
    hint = hint if reply.status_code in {401, 403} else body.get("hint", "")
    return ServerError(body.get("error", ""), body.get("detail", reply.text), hint)
