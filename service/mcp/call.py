"""On whose behalf a tool works."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from corpus.access import Reader
from corpus.keys import Scope
from service.callers import Caller
from service.http.limits import Allowance
from service.http.state import allowances_of, caller_of
from service.parts import ServiceParts


@dataclass(frozen=True, slots=True)
class Call:
    """What a tool works with; `allowances` are told to the client."""

    parts: ServiceParts
    caller: Caller
    allowances: list[Allowance]

    @property
    def reader(self) -> Reader:
        """Whose eyes it reads with."""
        return self.caller.reader


def call_of(parts: ServiceParts, request: Request) -> Call:
    """The call that this request makes. Raises `NotPermitted` for a caller who may not read."""
    caller = caller_of(request)
    caller.require(Scope.READ)
    return Call(parts, caller, allowances_of(request))
