"""On whose behalf a tool works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from starlette.requests import Request

from service.parts import ServiceParts


@dataclass(frozen=True, slots=True)
class Call:
    """What a tool works with; `request_id` finds the call in the server's log."""

    parts: ServiceParts
    request_id: str


def call_of(parts: ServiceParts, request: Request) -> Call:
    """The call that this request makes: the one place where its caller is known.

    There are no keys yet, so whoever reaches the service reads everything. Once there are, the
    `Authorization` header of `request` names the principals, and `Call` takes them to the tools.
    """
    return Call(parts, cast("str", request.state.request_id))
