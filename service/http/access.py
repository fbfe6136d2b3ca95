"""Who a request comes from, and for whom it is made: before anything of its body is read."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import anyio
from anyio import to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from corpus.access import Reader
from corpus.attributes import check_acl
from corpus.errors import InvalidMetadata, InvalidRequest, LecternError, NotPermitted, Unauthorized
from corpus.keys import Scope as KeyScope
from service.callers import STRANGER, Caller
from service.http.audit import AuditLog
from service.http.authentication import Authenticator
from service.http.errors import log_unavailable
from service.http.limits import Allowance, RateLimiter, headers_of
from service.http.refusing import refuse

ON_BEHALF_OF = "X-Lectern-On-Behalf-Of"
KEY_PREFIX = "key:"  # what keys themselves are called

# Open to everybody. Slack signs what it sends; /readyz tells a stranger less.
OPEN = frozenset({"/", "/healthz", "/openapi.json", "/slack/events"})
OPEN_BELOW = "/web/"
READINESS = "/readyz"
FIGURES = "/metrics"

LOOKUPS = 8  # of each kind at the same time; they never wait for the threads of slower work

log = logging.getLogger("lectern.http")


class Access:
    """Notes the caller of each request, for service/http/state.py, or refuses it.

    Backends that are trusted may ask on behalf of others, whose principals `X-Lectern-On-Behalf-Of`
    names, separated by commas, who they are first: then only what these may read is there,
    conversations are that one's, nothing is administered, and no figures are told.
    """

    def __init__(
        self, app: ASGIApp, *, authenticator: Authenticator, limiter: RateLimiter, audit: AuditLog
    ) -> None:
        self._app = app
        self._authenticator = authenticator
        self._limiter = limiter
        self._audit = audit
        # Made at the first request, in its event loop: of keys, and of tokens.
        self._lookups: dict[bool, anyio.CapacityLimiter] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with the caller in the request's state."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state, headers = scope["state"], Headers(scope=scope)
        allowances: list[Allowance] = []
        state["allowances"], send = allowances, _telling(send, allowances)
        try:
            caller = await self._caller(scope["path"], headers.get("authorization"))
            state["caller"] = caller  # of what is refused too: the audit log asks
            self._limiter.take(caller.limits, allowances)
            state["caller"] = on_behalf_of(caller, headers)
        except LecternError as error:
            log_unavailable(state["request_id"], error)
            await refuse(error, scope, receive, send, self._challenge(error, scope, headers))
            return
        await self._app(scope, receive, send)

    async def _caller(self, path: str, authorization: str | None) -> Caller:
        if path in OPEN or path.startswith(OPEN_BELOW):
            return STRANGER
        find = self._authenticator.caller_of
        if path == READINESS:
            find = self._authenticator.caller_or_stranger
        if path == FIGURES:
            find = self._authenticator.caller_as_known
        # A provider that hangs has tokens wait, and no key.
        kind = self._authenticator.asks_provider(authorization)
        if kind not in self._lookups:
            self._lookups[kind] = anyio.CapacityLimiter(LOOKUPS)
        return await to_thread.run_sync(find, authorization, limiter=self._lookups[kind])

    def _challenge(self, error: LecternError, scope: Scope, headers: Headers) -> dict[str, str]:
        if not isinstance(error, Unauthorized):
            return {}
        if "authorization" not in headers:
            return {"WWW-Authenticate": "Bearer"}
        self._audit.note_sign_in(headers["authorization"], scope)
        return {"WWW-Authenticate": 'Bearer error="invalid_token"'}


def on_behalf_of(caller: Caller, headers: Headers) -> Caller:
    """The caller as the one they ask for. Raises `InvalidRequest`, or `NotPermitted`."""
    named = headers.getlist(ON_BEHALF_OF)
    if not named or caller is STRANGER:
        return caller
    if not caller.may_act_for:
        raise NotPermitted(
            f"{caller.name} may not ask for others.",
            hint="A key made with `lectern keys create NAME --on-behalf-of` may.",
        )
    try:
        # Headers come as Latin-1, and clients send UTF-8.
        said = ",".join(named).encode("latin-1").decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{ON_BEHALF_OF} is no UTF-8.", hint="Encode it so.") from error
    principals = [one.strip() for one in said.split(",") if one.strip()]
    if not principals:
        raise InvalidRequest(f"{ON_BEHALF_OF} names nobody.", hint="Name who asks: user:ann.")
    if any(one.startswith(KEY_PREFIX) for one in principals) or principals[0].startswith("group:"):
        raise InvalidRequest(
            f"{ON_BEHALF_OF} names a key, or nobody in particular.",
            hint="Name first who asks, then their groups: user:ann, group:legal.",
        )
    try:
        check_acl(principals)
    except InvalidMetadata as error:
        raise InvalidRequest(
            f"{ON_BEHALF_OF} names no principals.", hint="As in acl: user:ann, group:legal."
        ) from error
    reader = Reader(frozenset(principals), caller.reader.collections, owner=principals[0])
    scopes = caller.scopes - {KeyScope.ADMIN, KeyScope.METRICS}
    return replace(caller, name=f"{caller.name}, for {principals[0]}", reader=reader, scopes=scopes)


def _telling(send: Send, allowances: Sequence[Allowance]) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(headers_of(allowances))
        await send(message)

    return sending
