"""How an endpoint gets at the application's parts, and at who calls it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request
from starlette.datastructures import State

from corpus.access import Reader
from corpus.keys import Scope
from service.callers import Caller
from service.http.limits import Allowance, note_asked
from service.parts import ServiceParts


def _parts(request: Request) -> ServiceParts:
    return cast("ServiceParts", request.app.state.parts)


def _request_id(request: Request) -> str:
    return cast("str", request.state.request_id)


@dataclass(frozen=True, slots=True)
class AuditNotes:
    """What the audit log cannot see from outside: service/http/audit.py reads it."""

    state: State

    def subjects(self, *ids: str) -> None:
        """What it was done to, where the address does not say."""
        self.state.audit_subjects = ids

    def action(self, name: str) -> None:
        """What was done, where the address says it too broadly."""
        self.state.audit_action = name


async def _noted(request: Request) -> AuditNotes:
    return AuditNotes(request.state)


def caller_of(request: Request) -> Caller:
    """Whom service/http/access.py has found."""
    return cast("Caller", request.state.caller)


def allowances_of(request: Request) -> list[Allowance]:
    """What service/http/access.py tells the caller of once the reply begins; to be added to."""
    return cast("list[Allowance]", request.state.allowances)


async def _any_caller(request: Request) -> Caller:
    return caller_of(request)


async def _reads(request: Request) -> Reader:
    return _permitted(request, Scope.READ)


async def _writes(request: Request) -> Reader:
    return _permitted(request, Scope.WRITE)


async def _administers(request: Request) -> Reader:
    return _permitted(request, Scope.ADMIN)


async def _measures(request: Request) -> Reader:
    return _permitted(request, Scope.METRICS)


async def _asks(request: Request) -> Reader:
    reader = _permitted(request, Scope.READ)
    await note_asked(_parts(request).registry, caller_of(request), allowances_of(request))
    return reader


def _permitted(request: Request, scope: Scope) -> Reader:
    caller = caller_of(request)
    caller.require(scope)
    return caller.reader


Parts = Annotated[ServiceParts, Depends(_parts)]
RequestIdentity = Annotated[str, Depends(_request_id)]
AnyCaller = Annotated[Caller, Depends(_any_caller)]  # whatever they may do
Noted = Annotated[AuditNotes, Depends(_noted)]
# Every endpoint names one of these: what its caller must be allowed, and whose eyes it reads with.
Reads = Annotated[Reader, Depends(_reads)]
Asks = Annotated[Reader, Depends(_asks)]  # reads, and it counts as a question
Writes = Annotated[Reader, Depends(_writes)]
Measures = Annotated[Reader, Depends(_measures)]
Administers = Annotated[Reader, Depends(_administers)]
