"""Who calls, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass

from corpus.access import UNRESTRICTED, Reader
from corpus.errors import NotPermitted
from corpus.keys import Key, Scope


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be asked with a key, or by somebody with a token; None: as much as they like.

    `counted_as`: whom it is counted for, at most 12 characters.
    """

    counted_as: str
    requests_per_minute: int | None
    questions_per_day: int | None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: `name` for the log, what they may read, and what they may do.

    `may_act_for`: they may say for whom they ask.
    """

    name: str
    reader: Reader
    scopes: frozenset[Scope]
    may_act_for: bool = False
    limits: Limits | None = None

    def require(self, scope: Scope) -> None:
        """Raise `NotPermitted` without this scope."""
        if scope not in self.scopes:
            raise NotPermitted(f"{self.name} lacks the scope {scope.value!r}.")


# Whoever reaches a service without keys: only this machine does. And whoever may read the data
# folder of one that has keys.
OPERATOR = Caller("The operator", UNRESTRICTED, frozenset(Scope), may_act_for=True)

# Whoever asks for what is open to all: nothing else is there for them.
STRANGER = Caller("A stranger", Reader(frozenset(), frozenset()), frozenset())


def bearer_of(key: Key) -> Caller:
    """The caller with this key."""
    grant = key.grant
    return Caller(
        f"key {grant.name}",
        key.reader(),
        frozenset(Scope) if Scope.ADMIN in grant.scopes else grant.scopes,
        grant.may_act_for,
        Limits(key.id, grant.requests_per_minute, grant.questions_per_day),
    )
