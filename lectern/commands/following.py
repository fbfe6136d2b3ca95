"""The documents that a command waits for, and which of them to ask about next."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from corpus.values import FINAL_STATUSES, Status

LOOK_AT_ONCE = 100


class Followed:
    """Documents by id, each with the names of the files that it was made from."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}  # in the order of asking: who was asked goes last
        self._worked_on: dict[str, dict[str, Any]] = {}

    def __len__(self) -> int:
        return len(self._names)

    def add(self, document_id: str, name: str) -> None:
        """Wait for one more; several files of the same bytes are one document."""
        self._names.setdefault(document_id, []).append(name)

    @property
    def names(self) -> list[str]:
        """Of all that is waited for."""
        return [name for names in self._names.values() for name in names]

    @property
    def worked_on(self) -> Collection[dict[str, Any]]:
        """The documents that were neither waiting nor final when last asked about."""
        return self._worked_on.values()

    def next_ids(self) -> list[str]:
        """At most `LOOK_AT_ONCE` documents to ask about: those worked on, then in turn."""
        turn = [*self._worked_on, *(one for one in self._names if one not in self._worked_on)]
        return turn[:LOOK_AT_ONCE]

    def settle(
        self, asked: Collection[str], found: Collection[dict[str, Any]]
    ) -> tuple[list[tuple[str, dict[str, Any]]], list[str]]:
        """Files with their final documents, and files whose documents are gone.

        Neither is waited for any more.
        """
        by_id = {document["id"]: document for document in found}
        final: list[tuple[str, dict[str, Any]]] = []
        gone: list[str] = []
        for document_id in asked:
            names = self._names.pop(document_id)
            self._worked_on.pop(document_id, None)
            document = by_id.get(document_id)
            if document is None:
                gone += names
            elif document["status"] in FINAL_STATUSES:
                final += [(name, document) for name in names]
            else:
                self._names[document_id] = names
                if document["status"] != Status.QUEUED:
                    self._worked_on[document_id] = document
        return final, gone
