"""Who calls, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from corpus.access import UNRESTRICTED, Reader
from corpus.errors import NotPermitted


class Scope(StrEnum):
    """What a caller may do: ask and read; upload, change and delete documents; set up the rest."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: `name` for the log, what they may read, and what they may do."""

    name: str
    reader: Reader
    scopes: frozenset[Scope]

    def require(self, scope: Scope) -> None:
        """Raise `NotPermitted` without this scope."""
        if scope not in self.scopes:
            raise NotPermitted(f"{self.name} lacks the scope {scope.value!r}.")


# Whoever reaches a service without keys: only this machine does.
OPERATOR = Caller("The operator", UNRESTRICTED, frozenset(Scope))
