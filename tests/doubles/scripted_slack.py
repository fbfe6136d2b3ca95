"""A real HTTP and WebSocket server on loopback that answers as Slack does, and minds its rules."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from tests.doubles.slack_blocks import broken_rules
from tests.doubles.slack_messages import Message, SlackMessages
from tests.doubles.slack_sessions import SlackSessions
from tests.doubles.slack_threads import replies
from tests.doubles.slack_wire import SlackWire

TOKEN = "xoxb-scripted"  # noqa: S105
APP_TOKEN = "xapp-scripted"  # noqa: S105
SECRET = "signs everything"  # noqa: S105
TEAM, CHANNEL, DIRECT, USER, BOT = "T1", "C1", "D1", "U1", "UBOT"

MAX_UPDATED_CHARS = 4_000  # of `text`, in an edit
# How often an app may call a method in a minute, in one workspace: at least so often.
CALLS_A_MINUTE = {
    "chat.startStream": 20,
    "chat.stopStream": 20,
    "chat.appendStream": 100,
    "chat.update": 50,
}


@dataclass(frozen=True)
class Failure:
    """No success: an `error` in Slack's way, an HTTP status, or no answer at all.

    `is_lost`: the connection ends without an answer; with `is_done` the call had its effect.
    """

    error: str = ""
    status: int = 200
    retry_after_s: int | None = None
    is_lost: bool = False
    is_done: bool = False


class ScriptedSlack:
    """Takes calls inside a `with`; `broken_rules` is what Slack would not have taken."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self.minds_limits = False  # of `CALLS_A_MINUTE`
        self._called_s: dict[str, deque[float]] = defaultdict(deque)
        self._failures: dict[str, deque[Failure]] = defaultdict(deque)
        self._numbers = itertools.count(1)
        self._refusal: str | None = None
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.ephemeral: list[dict[str, Any]] = []
        self.broken_rules: list[str] = []
        self._delays: dict[str, deque[float]] = defaultdict(deque)
        self.wire = SlackWire(self.take, self.delay_s)
        self.wire.file_token = TOKEN
        self.wire.check = self._check
        self.sessions = SlackSessions()
        self._written = SlackMessages(self.sessions, self.broken_rules)
        self.messages = self._written.there
        self.heard: list[dict[str, Any]] = []  # messages that people wrote, each once
        self.people: dict[str, dict[str, Any]] = {}  # what `users.info` tells besides, by id

    @property
    def api_url(self) -> str:
        """The base URL for the SDK."""
        return f"http://127.0.0.1:{self.wire.port}/api/"

    def fail(self, method: str, *failures: Failure) -> None:
        """The next calls of the method end so."""
        with self._lock:
            self._failures[method].extend(failures)

    def fail_no_more(self, method: str) -> None:
        """The method works again."""
        with self._lock:
            self._failures[method].clear()

    def delay(self, method: str, *delays_s: float) -> None:
        """The next calls of the method take so long."""
        with self._lock:
            self._delays[method].extend(delays_s)

    def delay_s(self, method: str) -> float:
        """How long this call of the method takes."""
        with self._lock:
            return self._delays[method].popleft() if self._delays[method] else 0.0

    def refuse_token(self, error: str | None) -> None:
        """From now on every call with the bot's token ends so (`token_revoked`); None: with it."""
        with self._lock:
            self._refusal = error

    def end_streams(self) -> None:
        """Streams end by themselves when nothing comes for a while."""
        with self._lock:
            self._written.end_streams()

    def stamp(self) -> str:
        """The timestamp of what comes next: later than those of all before."""
        return self._written.stamp()

    def hear(self, event: dict[str, Any]) -> None:
        """Have what somebody wrote in its channel: once, however often it is told of."""
        if event["type"] not in {"message", "app_mention"}:
            return
        place = event["channel"], event["ts"]
        with self._lock:
            self.heard = [one for one in self.heard if (one["channel"], one["ts"]) != place]
            self.heard.append(event)

    def press_stop(self, channel: str, thread_ts: str) -> dict[str, Any]:
        """Somebody stops what is going on in a thread; the event. The status stays as it is."""
        with self._lock:
            stopped = self._written.end_streams(channel, thread_ts)
            event_ts = self._written.stamp()
        return {
            "type": "agent_session_stopped",
            "channel": channel,
            "thread_ts": thread_ts,
            "user": USER,
            "streaming_message_ts": stopped,
            "event_ts": event_ts,
        }

    def file(self, name: str, content: bytes, **told: Any) -> dict[str, Any]:  # noqa: ANN401
        """A file in the workspace, as messages tell of it."""
        file_id = f"F{next(self._numbers)}"
        self.wire.files[file_id] = content
        url = f"http://127.0.0.1:{self.wire.port}/files/{file_id}"
        return {
            "id": file_id,
            "name": name,
            "mimetype": "text/plain",
            "size": len(content),
            "mode": "hosted",
            "url_private": url,
            "url_private_download": url,
            **told,
        }

    def response_url(self, number: str) -> str:
        """Where what is said under this number goes to."""
        return f"http://127.0.0.1:{self.wire.port}/respond/{number}"

    def responses_to(self, number: str, count: int = 1) -> list[dict[str, Any]]:
        """What was said to a command or a press, once it is so much."""
        said = self.wire.responses[number]
        self.wait_for(lambda: len(said) >= count, f"response {count} to {number}")
        return said

    def count(self, method: str) -> int:
        """How often it was called."""
        with self._lock:
            return len([name for name, _ in self.calls if name == method])

    def in_thread(self, thread_ts: str) -> list[Message]:
        """What was written there, first to last."""
        with self._lock:
            return [one for one in self.messages.values() if one.thread_ts == thread_ts]

    def wait_for(self, met: Callable[[], bool], what: str = "it", timeout_s: float = 20.0) -> None:
        """Wait until the condition is met after some call."""
        until = time.monotonic() + timeout_s
        with self._lock:
            while not met():
                if not self._lock.wait(min(0.1, max(0.0, until - time.monotonic()))) and (
                    time.monotonic() > until
                ):
                    raise AssertionError(f"{what} did not come; calls: {self.calls[-5:]}")

    def wait_for_end(
        self, thread_ts: str, count: int = 1, timeout_s: float = 20.0
    ) -> list[Message]:
        """Wait until so many messages are complete there."""

        def complete() -> bool:
            there = [one for one in self.messages.values() if one.thread_ts == thread_ts]
            return len([one for one in there if not one.is_open]) >= count

        self.wait_for(complete, f"answer {count} in {thread_ts}", timeout_s)
        return self.in_thread(thread_ts)

    def __enter__(self) -> Self:
        self.wire.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.wire.stop()

    def take(
        self, method: str, given: dict[str, Any], token: str
    ) -> tuple[int, dict[str, str], dict[str, Any]] | None:
        """Answer one call: status, headers, body; None: the connection ends without an answer."""
        with self._lock:
            self.calls.append((method, given))
            refusal = self._refused(method, token)
            if refusal is not None:
                return 200, {}, {"ok": False, "error": refusal}
            failure = self._failures[method].popleft() if self._failures[method] else None
            failure = failure or self._limited(method)
            if failure is not None and not failure.is_done:
                return _failed(failure)
            self._check(method, given)
            body = (
                self._written.called(method, given)
                if method in SlackMessages.METHODS
                else self._answered(method, given)
            )
            self._lock.notify_all()
            return (200, {}, body) if failure is None else _failed(failure)

    def _limited(self, method: str) -> Failure | None:
        if not self.minds_limits or method not in CALLS_A_MINUTE:
            return None
        now_s, called_s = time.monotonic(), self._called_s[method]
        while called_s and now_s - called_s[0] > 60:
            called_s.popleft()
        if len(called_s) >= CALLS_A_MINUTE[method]:
            return Failure("ratelimited", 429, retry_after_s=int(61 - (now_s - called_s[0])))
        called_s.append(now_s)
        return None

    def _refused(self, method: str, token: str) -> str | None:
        if method == "apps.connections.open":
            return None if token == f"Bearer {APP_TOKEN}" else "invalid_auth"
        return self._refusal if token == f"Bearer {TOKEN}" else "invalid_auth"

    def _check(self, method: str, given: dict[str, Any]) -> None:
        broken = list(broken_rules(given.get("blocks") or []))
        if method == "chat.update" and len(given.get("text", "")) > MAX_UPDATED_CHARS:
            broken.append(f"{len(given['text'])} characters of text")
        # Rich text has elements for mentions; its text is shown as it stands.
        parsed = [one for one in given.get("blocks") or [] if one["type"] != "rich_text"]
        said = json.dumps(given | {"blocks": parsed})
        if "<!" in said or "<@" in said:
            broken.append("somebody is mentioned")
        self.broken_rules += [f"{method}: {one}" for one in broken]

    def _answered(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        """Calls that write nothing that stays."""
        if method == "chat.postEphemeral":
            self.ephemeral.append(given)
            return {"ok": True, "message_ts": self._written.stamp()}
        if method == "users.info":
            profile = {"email": f"{given['user']}@Example.org"}
            user = {"id": given["user"], "team_id": TEAM, "profile": profile}
            return {"ok": True, "user": user | self.people.get(given["user"], {})}
        if method in SlackSessions.METHODS:
            return self.sessions.called(method, given)
        return self._told(method, given)

    def _told(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        """What there is to know."""
        if method == "conversations.replies":
            ours = [
                {"channel": one.channel, "ts": ts, "thread_ts": one.thread_ts, "text": one.text}
                for ts, one in self.messages.items()
            ]
            return replies(self.heard, [one | {"user": BOT, "bot_id": "B1"} for one in ours], given)
        if method == "apps.connections.open":
            return {"ok": True, "url": self.wire.new_address()}
        if method == "auth.test":
            who = {"user_id": BOT, "bot_id": "B1", "team_id": TEAM, "team": "t", "user": "lectern"}
            return {"ok": True, **who}
        return {"ok": False, "error": "unknown_method"}


def _failed(failure: Failure) -> tuple[int, dict[str, str], dict[str, Any]] | None:
    if failure.is_lost:
        return None
    headers = {}
    if failure.retry_after_s is not None:
        headers["Retry-After"] = str(failure.retry_after_s)
    return failure.status, headers, {"ok": False, "error": failure.error}


def signed(body: bytes, *, at_s: float | None = None, secret: str = SECRET) -> dict[str, str]:
    """Headers as Slack signs a request."""
    stamp = str(int(time.time() if at_s is None else at_s))
    digest = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}
