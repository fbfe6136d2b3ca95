"""Whose a store is that several installations could reach: its mark, and what makes it ours.

An installation is one registry. A bucket and a collection on a Qdrant server bear its id. Whoever
changes something there looks first, and again where that was a minute ago: what another registry
knows is nothing that ours may take for forgotten.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from corpus.errors import StoreOfAnother

FRESH_S = 60.0

_MARKED = "belongs to another installation ({})"
_UNKNOWN = "has content that this registry does not know"

Knows = Callable[[Sequence[str]], bool]


@dataclass(frozen=True, slots=True)
class Installation:
    """`id` is the registry's; the others say whether it knows any of these hashes, or documents."""

    id: str
    knows_originals: Knows
    knows_documents: Knows


class Mark(Protocol):
    """Where a store says whose it is. All raise what the store raises when it is away."""

    @property
    def store(self) -> str:
        """Begins a sentence: "The bucket s3://documents/"."""
        ...

    @property
    def setting(self) -> str:
        """Which setting names the store."""
        ...

    def read(self) -> str | None:
        """Whose the store is; None when it is not marked."""
        ...

    def set_if_missing(self, installation_id: str) -> str | None:
        """Mark the store, unless somebody was quicker; whose it is then."""
        ...

    def replace(self, installation_id: str) -> None:
        """Mark the store, whoever's it was."""
        ...

    def has_only_unknown(self, installation: Installation) -> bool:
        """Whether there is content, and the installation's registry knows nothing of it."""
        ...


class Ownership:
    """Whether one store is ours. Threads may share it."""

    def __init__(self, mark: Mark, installation: Installation | None) -> None:
        """Without an `installation` the store is only read: `require` refuses."""
        self._mark = mark
        self._installation = installation
        self._seen_s: float | None = None

    @property
    def store(self) -> str:
        """The store, for people; begins a sentence."""
        return self._mark.store

    @property
    def is_for_reading(self) -> bool:
        """Whether nothing may be changed here, whoever's the store is."""
        return self._installation is None

    def require(self) -> None:
        """Return when the store was seen to be ours within `FRESH_S`; mark it if nobody has.

        Raises `StoreOfAnother`, and what the store raises when it is away.
        """
        if self._seen_s is None or time.monotonic() - self._seen_s > FRESH_S:
            self.look()

    def look(self) -> None:
        """As `require`, however short ago it was looked."""
        began_s = time.monotonic()
        self._seen_s = None
        ours, found = self._ours(), self._mark.read()
        if found is None:
            if self._mark.has_only_unknown(ours):
                raise self._of_another(_UNKNOWN)
            found = self._mark.set_if_missing(ours.id)
        if found != ours.id:
            raise self._of_another(_MARKED.format(found))
        self._seen_s = began_s

    def anothers(self) -> StoreOfAnother | None:
        """What `look` would raise of whose the store is, if anything; marks nothing."""
        ours, found = self._ours(), self._mark.read()
        if found is not None and found != ours.id:
            return self._of_another(_MARKED.format(found))
        if found is None and self._mark.has_only_unknown(ours):
            return self._of_another(_UNKNOWN)
        return None

    def take_over(self) -> str | None:
        """Make the store ours; whose it was. Nothing is removed by it."""
        began_s = time.monotonic()
        ours, before = self._ours(), self._mark.read()
        if before != ours.id:
            self._mark.replace(ours.id)
        self._seen_s = began_s
        return before

    def heard(self, found: str | None) -> None:
        """As `look`, by what somebody else has just read; None: nothing is known by it."""
        if found is None:
            return
        if found != self._ours().id:
            self._seen_s = None
            raise self._of_another(_MARKED.format(found))
        self._seen_s = time.monotonic()

    def _ours(self) -> Installation:
        if self._installation is None:
            raise StoreOfAnother(f"{self._mark.store} is open for reading only here.")
        return self._installation

    def _of_another(self, finding: str) -> StoreOfAnother:
        return StoreOfAnother(
            f"{self._mark.store} {finding}; this one is {self._ours().id}.",
            hint=f"Correct {self._mark.setting}, or DATABASE_URL. To make it this registry's, stop "
            "who uses it, then lectern claim; what no document here has goes with lectern doctor "
            "--repair.",
        )
