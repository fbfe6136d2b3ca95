"""On whose behalf a tool works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from starlette.requests import Request

from corpus.access import Reader
from corpus.keys import Scope
from service.callers import Caller
from service.http.state import caller_of
from service.parts import ServiceParts


@dataclass(frozen=True, slots=True)
class Call:
    """What a tool works with; `request_id` finds the call in the server's log."""

    parts: ServiceParts
    caller: Caller
    request_id: str

    @property
    def reader(self) -> Reader:
        """Whose eyes it reads with."""
        return self.caller.reader


def call_of(parts: ServiceParts, request: Request) -> Call:
    """The call that this request makes. Raises `NotPermitted` for a caller who may not read."""
    caller = caller_of(request)
    caller.require(Scope.READ)
    return Call(parts, caller, cast("str", request.state.request_id))
