"""How an endpoint gets at the application's parts, and at who calls it."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request

from corpus.access import Reader
from service.callers import Caller, Scope
from service.parts import ServiceParts


def _parts(request: Request) -> ServiceParts:
    return cast("ServiceParts", request.app.state.parts)


def _request_id(request: Request) -> str:
    return cast("str", request.state.request_id)


def caller_of(request: Request) -> Caller:
    """Whom service/http/access.py has found."""
    return cast("Caller", request.state.caller)


async def _reads(request: Request) -> Reader:
    return _permitted(request, Scope.READ)


async def _writes(request: Request) -> Reader:
    return _permitted(request, Scope.WRITE)


async def _administers(request: Request) -> Reader:
    return _permitted(request, Scope.ADMIN)


def _permitted(request: Request, scope: Scope) -> Reader:
    caller = caller_of(request)
    caller.require(scope)
    return caller.reader


Parts = Annotated[ServiceParts, Depends(_parts)]
RequestIdentity = Annotated[str, Depends(_request_id)]
# Every endpoint names one of these: what its caller must be allowed, and whose eyes it reads with.
Reads = Annotated[Reader, Depends(_reads)]
Writes = Annotated[Reader, Depends(_writes)]
Administers = Annotated[Reader, Depends(_administers)]
