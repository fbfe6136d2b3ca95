"""Who a request comes from, and for whom it is made."""

from __future__ import annotations

from dataclasses import replace

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from corpus.access import Reader
from corpus.attributes import check_acl
from corpus.errors import InvalidMetadata, InvalidRequest
from service.callers import OPERATOR, Caller
from service.http.errors import error_response, problem_of

ON_BEHALF_OF = "X-Lectern-On-Behalf-Of"


class Access:
    """Notes the caller of each request, for service/http/state.py.

    There are no keys yet: whoever reaches the service is its operator. They may ask on behalf of
    others, whose principals `X-Lectern-On-Behalf-Of` names, separated by commas, who they are
    first: then only what these may read is there, and conversations are that one's.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with the caller in the request's state."""
        if scope["type"] == "http":
            try:
                scope["state"]["caller"] = on_behalf_of(OPERATOR, Headers(scope=scope))
            except InvalidRequest as error:
                await error_response(scope, problem_of(error))(scope, receive, send)
                return
        await self._app(scope, receive, send)


def on_behalf_of(caller: Caller, headers: Headers) -> Caller:
    """The caller as the one they ask for. Raises `InvalidRequest`."""
    named = headers.getlist(ON_BEHALF_OF)
    if not named:
        return caller
    # Headers come as Latin-1, and clients send UTF-8.
    said = ",".join(named).encode("latin-1").decode(errors="replace")
    principals = [one.strip() for one in said.split(",") if one.strip()]
    if not principals:
        raise InvalidRequest(f"{ON_BEHALF_OF} names nobody.", hint="Name who asks: user:ann.")
    try:
        check_acl(principals)
    except InvalidMetadata as error:
        raise InvalidRequest(
            f"{ON_BEHALF_OF} names no principals.", hint="As in acl: user:ann, group:legal."
        ) from error
    reader = Reader(frozenset(principals), caller.reader.collections, owner=principals[0])
    return replace(caller, name=f"{caller.name}, for {principals[0]}", reader=reader)
