"""A client of the cluster: what a client of one server does, and many files, access and streams."""

from __future__ import annotations

import json
import random
import threading
from typing import Any

from bench.chaos.client import MOST_ALIVE, Client
from bench.chaos.ledger import Account
from bench.chaos.record import Record
from bench.chaos.texts import Text, make_text
from bench.cluster.quotes import markers_in, untrue
from bench.cluster.service import ClusterService

STRANGER = "user:stranger"
_ACTIONS = ("usual", "add many", "restrict", "open", "ask as a stranger", "ask", "stream")
_WEIGHTS = (60, 6, 8, 4, 10, 10, 10)
_MANY = (2, 6)


class ClusterClient(Client):
    """One thread's work; `_hidden` are its documents that no stranger may read for certain."""

    def __init__(
        self, number: int, service: ClusterService, record: Record, shared: list[Text], seed: int
    ) -> None:
        super().__init__(number, service, record, shared, seed)
        self._name = f"user:client-{number}"
        self._replicas = service
        self._hidden: dict[int, Account] = {}

    def _act(self, ended: threading.Event) -> None:
        (action,) = self._rng.choices(_ACTIONS, _WEIGHTS)
        if action == "add many":
            self._add_many()
        elif action == "usual" or not self._alive:
            super()._act(ended)
        else:
            account = self._rng.choice(self._alive)
            match action:
                case "restrict":
                    self._give_access(account, [self._name], ended)
                case "open":
                    self._give_access(account, [], ended)
                case "ask as a stranger":
                    self._ask_as_stranger()
                case "ask":
                    self._ask_about(account)
                case "stream":
                    self._stream_about(account)

    def _send(self, account: Account, ended: threading.Event, *, by_id: bool) -> bool:
        if not by_id:  # an upload brings its own access with it: none
            self._hidden.pop(id(account), None)
        return super()._send(account, ended, by_id=by_id)

    def _add_many(self) -> None:
        """Several files in one request; each has its outcome."""
        if len(self._alive) >= MOST_ALIVE:
            return
        texts = [make_text(self._rng) for _ in range(self._rng.randint(*_MANY))]
        accounts = [self._record.opened(Account(self._collection)) for _ in texts]
        for account, text in zip(accounts, texts, strict=True):
            account.sending(text)
        files = [("file", (text.filename, text.content)) for text in texts]
        response = self._service.call(
            "POST", "/documents", files=files, data={"collection": self._collection}
        )
        if response is None:
            return
        if response.status_code == 429:
            for account, text in zip(accounts, texts, strict=True):
                account.refused(text)
            self._record.count("refused: queue full")
            return
        if not self._expect(response, {202}, "sending many"):
            return
        outcomes = response.json()["documents"]
        for account, text, outcome in zip(accounts, texts, outcomes, strict=True):
            self._settle(account, text, outcome)

    def _settle(self, account: Account, text: Text, outcome: dict[str, Any]) -> None:
        """Book what became of one file of many."""
        if "id" in outcome:
            account.acknowledged(text, outcome["id"])
            self._alive.append(account)
            self._record.count("uploads accepted, of many")
        elif outcome["error"]["code"] == "queue_full":
            account.refused(text)
            self._record.count("refused: queue full")
        elif outcome["error"]["code"] == "storage_unavailable":
            self._record.count("files failed, of many")  # stored or not: nobody knows
        else:
            self._record.violation(f"sending many: {json.dumps(outcome)[:300]}")

    def _give_access(self, account: Account, acl: list[str], ended: threading.Event) -> None:
        self._hidden.pop(id(account), None)
        path = f"/documents/{account.document_id}"
        response, _ = self._until_answered(
            lambda: self._service.call("PATCH", path, json={"acl": acl}), ended
        )
        if response is None or not self._expect(response, {200}, "giving access"):
            return
        if response.json()["acl"] != acl:
            self._record.violation(f"{account.document_id} has acl {response.json()['acl']}")
        if acl:
            self._hidden[id(account)] = account
        self._record.count("access changed")

    def _ask_as_stranger(self) -> None:
        """About a hidden document, and all that the collection has."""
        hidden = [one for one in self._hidden.values() if one.possible != {None}]
        if not hidden:
            return
        account = self._rng.choice(hidden)
        text = self._rng.choice(sorted(account.sent, key=lambda one: one.marker))
        if self._rng.random() < 0.3:
            streamed = self._replicas.stream(self._question(text), STRANGER)
            said = None if streamed is None else streamed.whole
            words = [] if streamed is None else [streamed.text]
        else:
            path, body = self._asking(text)
            said, words = self._replicas.asked_for(STRANGER, path, body), []
        if said is None:
            return
        secret = {text.marker for one in hidden for text in one.sent}
        told = markers_in(said, words) & secret
        if told:
            self._record.violation(f"a stranger was told {told} of {self._collection}")
        self._record.count("questions of strangers")

    def _ask_about(self, account: Account) -> None:
        path, body = self._asking(
            self._rng.choice(sorted(account.sent, key=lambda one: one.marker))
        )
        response = self._service.call("POST", path, json=body)
        if response is None or not self._expect(response, {200}, "asking"):
            return
        self._check(response.json())
        self._record.count("questions of any document")

    def _stream_about(self, account: Account) -> None:
        text = self._rng.choice(sorted(account.sent, key=lambda one: one.marker))
        streamed = self._replicas.stream(self._question(text))
        if streamed is None:
            return
        if streamed.text != streamed.whole["answer"]:
            self._record.violation(f"tokens say {streamed.text!r}, the answer is other")
        self._check(streamed.whole)
        self._record.count("streams to their end")

    def _asking(self, text: Text) -> tuple[str, dict[str, Any]]:
        if self._rng.random() < 0.5:
            return "/search", {"query": text.marker, "collection": self._collection, "top_k": 20}
        return "/chat", self._question(text)

    def _question(self, text: Text) -> dict[str, Any]:
        return {"message": text.question, "collection": self._collection}

    def _check(self, said: dict[str, Any]) -> None:
        own = [one for one in self._record.accounts if one.collection == self._collection]
        for problem in untrue(said, own):
            self._record.violation(problem)


def shared_texts(seed: int, count: int) -> list[Text]:
    """What all clients send now and then."""
    return [make_text(random.Random(f"{seed}/{number}")) for number in range(count)]
