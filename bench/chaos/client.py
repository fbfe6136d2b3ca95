"""A client of the run: it uploads, replaces, changes, deletes and asks, and keeps its accounts."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import httpx

from bench.chaos.ledger import Account
from bench.chaos.record import Record
from bench.chaos.service import Service, said_in
from bench.chaos.texts import Text, make_text
from corpus.values import FINAL_STATUSES

LONGEST_PAUSE_S = 0.6
MOST_TRIES = 10
# A client that gives up leaves an account open: what it sent may have arrived or not.
GIVES_UP = 0.2
MOST_ALIVE = 60
_ACTIONS = ("add", "replace", "change", "delete", "ask", "add shared")
_WEIGHTS = (30, 22, 10, 13, 22, 3)


class Client:
    """One thread's work. Only this client touches its accounts; `shared` belong to all."""

    def __init__(
        self, number: int, service: Service, record: Record, shared: list[Text], seed: int
    ) -> None:
        self._collection = f"client-{number}"
        self._service = service
        self._record = record
        self._shared = shared
        self._rng = random.Random(f"{seed}/{number}")
        self._alive: list[Account] = []
        self._round = 0

    def run(self, ended: threading.Event) -> None:
        """Act until told to end; an action under way is finished."""
        while not ended.wait(self._rng.random() * LONGEST_PAUSE_S):
            self._act(ended)

    def _act(self, ended: threading.Event) -> None:
        (action,) = self._rng.choices(_ACTIONS, _WEIGHTS)
        if action == "add shared":
            self._add_shared()
        elif action == "add" or not self._alive:
            self._add(ended)
        else:
            account = self._rng.choice(self._alive)
            {
                "replace": self._replace,
                "change": self._change,
                "delete": self._delete,
                "ask": self._ask,
            }[action](account, ended)

    def _add(self, ended: threading.Event) -> None:
        if len(self._alive) >= MOST_ALIVE:
            return
        self._round += 1
        named = self._rng.random() < 0.5
        external_id = f"{self._collection}/{self._round}" if named else None
        account = self._record.opened(Account(self._collection, external_id))
        if self._send(account, ended, by_id=False):
            self._alive.append(account)

    def _add_shared(self) -> None:
        """Upload bytes that the others upload too, perhaps at this moment."""
        text = self._rng.choice(self._shared)
        response = self._service.upload(text, "shared")
        if response is not None and response.status_code == 429:
            self._record.count("refused: queue full")
        elif response is not None and self._expect(response, {200, 202}, "sharing"):
            self._record.shared(text)
            self._record.count("shared bytes sent")

    def _replace(self, account: Account, ended: threading.Event) -> None:
        by_id = account.external_id is None or self._rng.random() < 0.5
        if not self._send(account, ended, by_id=by_id):
            self._alive.remove(account)

    def _send(self, account: Account, ended: threading.Event, *, by_id: bool) -> bool:
        """Hand over another text; False when nobody knows whether it was taken."""
        text = make_text(self._rng)
        self._round += 1
        round_ = self._round

        def send() -> httpx.Response | None:
            if by_id:
                return self._service.replace(str(account.document_id), text)
            external_id = account.external_id
            return self._service.upload(
                text, account.collection, external_id=external_id, round_=round_
            )

        metadata = None if by_id else round_
        account.sending(text, metadata)
        response, tries = self._until_answered(send, ended)
        if response is None:
            return False
        if response.status_code == 429 and tries == 1:
            account.refused(text)
            self._record.count("refused: queue full")
            return None not in account.possible
        # New bytes are a duplicate only when an earlier try had arrived after all.
        if not self._expect(response, {202} if tries == 1 else {200, 202}, "sending"):
            return False
        account.acknowledged(text, response.json()["id"], metadata)
        self._record.count("replacements accepted" if by_id else "uploads accepted")
        return True

    def _change(self, account: Account, ended: threading.Event) -> None:
        self._round += 1
        round_ = self._round
        account.possible_rounds.add(round_)
        path = f"/documents/{account.document_id}"
        body = {"metadata": {"round": round_}}
        response, _ = self._until_answered(
            lambda: self._service.call("PATCH", path, json=body), ended
        )
        if response is not None and self._expect(response, {200}, "changing"):
            account.possible_rounds = {round_}
            self._record.count("changes accepted")

    def _delete(self, account: Account, ended: threading.Event) -> None:
        self._alive.remove(account)
        account.deleting()
        path = f"/documents/{account.document_id}"
        response, tries = self._until_answered(lambda: self._service.call("DELETE", path), ended)
        if response is None:
            return
        if not self._expect(response, {200} if tries == 1 else {200, 404}, "deleting"):
            return
        account.deleted()
        self._record.count("deletions accepted")
        if response.status_code == 200 and not response.json()["verified"]:
            self._record.violation(f"the deletion of {account.document_id} was not verified")
        self._expect_silence_about(account)

    def _ask(self, account: Account, _ended: threading.Event) -> None:
        response = self._service.call("GET", f"/documents/{account.document_id}")
        if response is None or not self._expect(response, {200}, "looking"):
            return
        document, text = response.json(), account.current
        assert text is not None  # noqa: S101  only accounts of documents are alive
        if document["content_sha256"] != text.sha256:
            self._record.violation(f"{account.document_id} is not what was acknowledged last")
        if document["status"] not in FINAL_STATUSES or document["status"] == "failed":
            return
        hits = self._service.hits(text.marker, account.collection)
        if hits is not None and text not in said_in(hits, [text]):
            self._record.violation(f"{account.document_id} is ready and {text.marker} not found")
        self._expect_silence_about(account)
        self._record.count("questions about ready documents")

    def _expect_silence_about(self, account: Account) -> None:
        """No text that was superseded or deleted is used by a search or an answer."""
        for text in sorted(account.superseded, key=lambda one: one.marker)[-3:]:
            for said in (
                self._service.hits(text.marker, account.collection),
                self._service.answer(text.question, account.collection),
            ):
                if said is not None and said_in(said, [text]):
                    self._record.violation(
                        f"{text.marker} of {account.document_id} answers after its end was "
                        "acknowledged"
                    )

    def _until_answered(
        self, send: Callable[[], httpx.Response | None], ended: threading.Event
    ) -> tuple[httpx.Response | None, int]:
        """The first answer and how many tries it took; None when the client gave up."""
        for tries in range(1, MOST_TRIES + 1):
            response = send()
            if response is not None:
                return response, tries
            if self._rng.random() < GIVES_UP or ended.is_set():
                self._record.count("operations given up")
                return None, tries
        return None, MOST_TRIES

    def _expect(self, response: httpx.Response, statuses: set[int], doing: str) -> bool:
        if response.status_code in statuses:
            return True
        self._record.violation(f"{doing}: {response.status_code} {response.text[:300]}")
        return False
