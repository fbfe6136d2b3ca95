"""The audit log: which requests are noted, and what of them. Never a word of a document.

Each entry is a line of the log `lectern.audit` at once, and in the registry a moment later; should
that fail, the request does not. Changes of keys are other: they are made with their entry, or not.
"""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from corpus.errors import NotPermitted, QuotaExceeded, RateLimited, Unauthorized
from corpus.keys import id_in
from corpus.registry.audit_log import Entry, write_entries
from service.callers import Caller
from service.http.measuring import route_of
from service.http.recorder import Recorder

# What is noted, by method and path of the route.
ACTIONS: Mapping[tuple[str, str], str] = {
    ("POST", "/documents"): "document.upload",
    ("PUT", "/documents/{document_id}"): "document.replace",
    ("PATCH", "/documents/{document_id}"): "document.change",
    ("DELETE", "/documents/{document_id}"): "document.delete",
    ("POST", "/documents/{document_id}/rollback"): "document.rollback",
    ("POST", "/documents/{document_id}/retry"): "document.retry",
    ("POST", "/documents/{document_id}/cancel"): "document.cancel",
    ("POST", "/collections"): "collection.create",
    ("PATCH", "/collections/{name}"): "collection.change",
    ("DELETE", "/collections/{name}"): "collection.delete",
    ("PATCH", "/conversations/{conversation_id}"): "conversation.rename",
    ("DELETE", "/conversations/{conversation_id}"): "conversation.delete",
    ("GET", "/audit"): "audit.read",
}
# Noted too with LECTERN_AUDIT_QUESTIONS.
QUESTIONS: Mapping[tuple[str, str], str] = {
    ("POST", "/chat"): "question.chat",
    ("POST", "/search"): "question.search",
    ("POST", "/v1/chat/completions"): "question.openai",
    ("POST", "/mcp"): "question.mcp",
}
ACCESS_CHANGED = "document.access"
SIGN_IN = "sign_in"
# Noted whatever was asked for, under its own name or this one.
REFUSED = "request.refused"
REFUSALS = frozenset({NotPermitted.code, RateLimited.code, QuotaExceeded.code})
# Noted at most, of keys that are not accepted, which anybody can cause, and of callers' refusals.
REFUSALS_PER_MINUTE = 60
REFUSALS_OF_EACH = 10

log = logging.getLogger("lectern.audit")


class AuditLog:
    """Takes entries; `actions` are those of the requests that it notes."""

    def __init__(
        self,
        recorder: Recorder,
        *,
        with_questions: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.actions = {**ACTIONS, **QUESTIONS} if with_questions else ACTIONS
        self._recorder = recorder
        self._sign_ins = _PerMinute(clock, REFUSALS_PER_MINUTE, REFUSALS_PER_MINUTE)
        self._refusals = _PerMinute(clock, REFUSALS_PER_MINUTE, REFUSALS_OF_EACH)

    def note(self, *entries: Entry) -> None:
        """Log them, and have them written."""
        for one in entries:
            said = {
                "who": one.who,
                "action": one.action,
                "subject": one.subject,
                "outcome": one.outcome,
                "request_id": one.request_id,
            }
            log.info(json.dumps(said))
        self._recorder.put(lambda connection: write_entries(connection, entries))

    def note_sign_in(self, authorization: str, scope: Scope) -> None:
        """A key or token that was not accepted; of a key, its id."""
        key_id = id_in(authorization.rpartition(" ")[2])
        who = "unknown" if key_id is None else f"key {key_id}"
        if self._sign_ins.lets(who):
            request_id = scope["state"]["request_id"]
            self.note(Entry(who, SIGN_IN, scope["path"], Unauthorized.code, request_id))

    def lets_refusal(self, who: str) -> bool:
        """Whether one more of theirs is noted: a flood of requests is none of entries."""
        return self._refusals.lets(who)


class _PerMinute:
    """Lets so many through a minute, and so many of each."""

    def __init__(self, clock: Callable[[], float], most: int, of_each: int) -> None:
        self._clock = clock
        self._most, self._of_each = most, of_each
        self._minute, self._of = -1, Counter[str]()

    def lets(self, who: str) -> bool:
        minute = int(self._clock() // 60)
        if minute != self._minute:
            self._minute, self._of = minute, Counter()
        if self._of[who] >= self._of_each or self._of.total() >= self._most:
            return False
        self._of[who] += 1
        return True


class Audited:
    """Notes requests once they are answered, by whom and how they ended; around `Access`."""

    def __init__(self, app: ASGIApp, *, audit: AuditLog) -> None:
        self._app = app
        self._audit = audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500

        async def seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, seen)
        finally:
            self._note(scope, status)

    def _note(self, scope: Scope, status: int) -> None:
        state = scope["state"]
        caller: Caller | None = state.get("caller")
        if caller is None:
            return  # a key that is not accepted has an entry of its own
        outcome = state.get("error_code") or ("ok" if status < 400 else str(status))
        path = route_of(scope) or scope["path"]
        action = self._audit.actions.get((scope["method"], path))
        subjects = state.get("audit_subjects") or [_subject(scope)]
        if action is None:
            if outcome not in REFUSALS:
                return
            action, subjects = REFUSED, [path]
        if outcome in REFUSALS and not self._audit.lets_refusal(caller.name):
            return
        action, request_id = state.get("audit_action", action), state["request_id"]
        self._audit.note(
            *(Entry(caller.name, action, one, outcome, request_id) for one in subjects)
        )


def _subject(scope: Scope) -> str | None:
    found: Mapping[str, Any] = scope.get("path_params", {})
    return next((str(value) for value in found.values()), None)
