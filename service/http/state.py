"""How an endpoint gets at the application's parts."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request

from service.parts import ServiceParts


def _parts(request: Request) -> ServiceParts:
    return cast("ServiceParts", request.app.state.parts)


def _request_id(request: Request) -> str:
    return cast("str", request.state.request_id)


Parts = Annotated[ServiceParts, Depends(_parts)]
RequestIdentity = Annotated[str, Depends(_request_id)]
