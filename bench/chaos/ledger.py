"""What the service has promised: one account per document, kept by the client that owns it.

A promise is an answer of the 2xx kind. An operation whose answer never came may have happened or
not, so an account holds all states that are possible after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bench.chaos.texts import Text


@dataclass(slots=True)
class Account:
    """One document. `possible` texts: None stands for "no document".

    `round_` numbers go into the document's metadata; `possible_rounds` are those it may have.
    `document_id` is the last one that was acknowledged.
    """

    collection: str
    external_id: str | None = None
    document_id: str | None = None
    possible: set[Text | None] = field(default_factory=lambda: {None})
    possible_rounds: set[int] = field(default_factory=set)
    sent: set[Text] = field(default_factory=set)

    @property
    def settled(self) -> bool:
        """Whether only one state is possible."""
        return len(self.possible) == 1

    @property
    def current(self) -> Text | None:
        """The one possible text, None for no document; ask only when it is settled."""
        (only,) = self.possible
        return only

    @property
    def superseded(self) -> set[Text]:
        """Texts that no answer may use once nothing is under way."""
        return self.sent - self.possible

    def sending(self, text: Text, round_: int | None = None) -> None:
        """The text is about to be sent: from now on the service may have it."""
        self.sent.add(text)
        self.possible.add(text)
        if round_ is not None:
            self.possible_rounds.add(round_)

    def acknowledged(self, text: Text, document_id: str, round_: int | None = None) -> None:
        """The service has this text as the newest; with `round_`, that metadata too."""
        self.possible = {text}
        self.document_id = document_id
        if round_ is not None:
            self.possible_rounds = {round_}

    def refused(self, text: Text) -> None:
        """The text, sent for the first time, was not taken."""
        self.possible.discard(text)
        self.sent.discard(text)

    def deleting(self) -> None:
        """A deletion is about to be sent."""
        self.possible.add(None)

    def deleted(self) -> None:
        """The document is gone."""
        self.possible = {None}


@dataclass(frozen=True, slots=True)
class Listed:
    """A document as the service lists it."""

    id: str
    content_sha256: str
    round_: int | None


def discrepancies(accounts: Iterable[Account], listed: Iterable[Listed]) -> list[str]:
    """What the list of documents has against the accounts, a sentence each; empty when it fits.

    Property: a list that holds exactly one possible state of every account has none.
    """
    accounts = list(accounts)
    owner: Mapping[str, tuple[int, Text]] = {
        text.sha256: (number, text)
        for number, account in enumerate(accounts)
        for text in account.sent
    }
    found: dict[int, list[tuple[Text, Listed]]] = {}
    problems: list[str] = []
    for document in listed:
        if document.content_sha256 not in owner:
            problems.append(f"unknown: nobody sent the bytes of document {document.id}")
            continue
        number, text = owner[document.content_sha256]
        found.setdefault(number, []).append((text, document))
    for number, account in enumerate(accounts):
        problems.extend(_of_account(account, found.get(number, [])))
    return problems


def _of_account(account: Account, found: list[tuple[Text, Listed]]) -> Iterable[str]:
    name = account.external_id or account.document_id
    if len(found) > 1:
        ids = ", ".join(document.id for _, document in found)
        yield f"doubled: {name} is there as {ids}"
        return
    if not found:
        if None not in account.possible:
            yield f"lost: {name} was acknowledged and is not there"
        return
    text, document = found[0]
    if text not in account.possible:
        expected = sorted("none" if one is None else one.marker for one in account.possible)
        yield f"stale: {name} has {text.marker}, acknowledged was {' or '.join(expected)}"
        return
    if account.settled and account.document_id != document.id:
        yield f"other id: {name} was acknowledged as {account.document_id}, is {document.id}"
    if account.possible_rounds and document.round_ not in account.possible_rounds:
        yield f"metadata: {name} has round {document.round_}, not one of {account.possible_rounds}"
