"""A real HTTP server on loopback that answers as Slack's API, and minds its rules."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs

TOKEN = "xoxb-scripted"  # noqa: S105
SECRET = "signs everything"  # noqa: S105
TEAM, CHANNEL, DIRECT, USER, BOT = "T1", "C1", "D1", "U1", "UBOT"

# What Slack documents: of a message's Markdown, of a section, and of blocks.
MAX_MARKDOWN_CHARS = 12_000
MAX_SECTION_CHARS = 3_000
MAX_BLOCKS = 50
MAX_UPDATED_CHARS = 4_000


@dataclass(frozen=True)
class Failure:
    """An answer that is no success: an `error` in Slack's way, or an HTTP status."""

    error: str = ""
    status: int = 200
    retry_after_s: int | None = None


@dataclass
class Message:
    """What stands in a thread: `is_open` while it is streamed."""

    channel: str
    thread_ts: str
    text: str = ""
    blocks: list[dict[str, Any]] = field(default_factory=list)
    is_open: bool = False
    edits: int = 0


class ScriptedSlack:
    """Takes calls inside a `with`; `broken_rules` is what Slack would not have taken."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._failures: dict[str, deque[Failure]] = defaultdict(deque)
        self._numbers = itertools.count(1)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.messages: dict[str, Message] = {}
        self.broken_rules: list[str] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.slack = self
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def api_url(self) -> str:
        """The base URL for the SDK."""
        return f"http://127.0.0.1:{self._server.server_port}/api/"

    def fail(self, method: str, *failures: Failure) -> None:
        """The next calls of the method end so."""
        self._failures[method].extend(failures)

    def in_thread(self, thread_ts: str) -> list[Message]:
        """What was written there, first to last."""
        with self._lock:
            return [one for one in self.messages.values() if one.thread_ts == thread_ts]

    def wait_for_end(
        self, thread_ts: str, count: int = 1, timeout_s: float = 15.0
    ) -> list[Message]:
        """Wait until so many messages are complete there."""
        until = time.monotonic() + timeout_s
        with self._lock:
            while True:
                there = [one for one in self.messages.values() if one.thread_ts == thread_ts]
                if len([one for one in there if not one.is_open]) >= count:
                    return there
                if not self._lock.wait(until - time.monotonic()):
                    raise AssertionError(f"only {there} came; calls: {self.calls[-5:]}")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(
        self, method: str, given: dict[str, Any], token: str
    ) -> tuple[int, dict[str, str], dict[str, Any]]:
        """Answer one call: status, headers, body."""
        with self._lock:
            self.calls.append((method, given))
            if token != f"Bearer {TOKEN}":
                return 200, {}, {"ok": False, "error": "invalid_auth"}
            if self._failures[method]:
                failure = self._failures[method].popleft()
                headers = {}
                if failure.retry_after_s is not None:
                    headers["Retry-After"] = str(failure.retry_after_s)
                return failure.status, headers, {"ok": False, "error": failure.error}
            self._check(method, given)
            body = self._done(method, given)
            self._lock.notify_all()
            return 200, {}, body

    def _check(self, method: str, given: dict[str, Any]) -> None:
        blocks = given.get("blocks") or []
        if len(blocks) > MAX_BLOCKS:
            self.broken_rules.append(f"{method}: {len(blocks)} blocks")
        for block in blocks:
            text = block.get("text") or ""
            text = text.get("text", "") if isinstance(text, dict) else text
            limit = MAX_MARKDOWN_CHARS if block["type"] == "markdown" else MAX_SECTION_CHARS
            if not text and block["type"] in {"section", "markdown"}:
                self.broken_rules.append(f"{method}: an empty block")
            if len(text) > limit:
                self.broken_rules.append(f"{method}: {len(text)} characters in {block['type']}")
        if method == "chat.update" and len(given.get("text", "")) > MAX_UPDATED_CHARS:
            self.broken_rules.append(f"{method}: {len(given['text'])} characters of text")
        for block in blocks:
            if any(
                not one.get("text")
                for one in block.get("elements", ())
                if block["type"] == "context"
            ):
                self.broken_rules.append(f"{method}: an empty element")
        if "<!" in json.dumps(given) or "<@" in json.dumps(given):
            self.broken_rules.append(f"{method}: somebody is mentioned")

    def _said(self, given: dict[str, Any]) -> str:
        """Markdown comes as such, or in chunks."""
        chunks = given.get("chunks") or []
        said = [given.get("markdown_text", ""), *(one.get("text", "") for one in chunks)]
        return "".join(map(str, said))

    def _done(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        match method:
            case "chat.startStream":
                ts = self._stamp()
                if not given.get("recipient_user_id") or not given.get("recipient_team_id"):
                    return {"ok": False, "error": "missing_recipient_user_id"}
                text = self._said(given)
                self.messages[ts] = Message(
                    given["channel"], given["thread_ts"], text, is_open=True
                )
            case "chat.appendStream" | "chat.stopStream":
                ts = given["ts"]
                message = self.messages.get(ts)
                if message is None or not message.is_open:
                    return {"ok": False, "error": "message_not_in_streaming_state"}
                message.text += self._said(given)
                if len(message.text) > MAX_MARKDOWN_CHARS:
                    self.broken_rules.append(f"{method}: {len(message.text)} characters")
                if method == "chat.stopStream":
                    message.blocks, message.is_open = given.get("blocks", []), False
            case "chat.postMessage":
                ts = self._stamp()
                self.messages[ts] = Message(
                    given["channel"],
                    given.get("thread_ts", ts),
                    given.get("text", ""),
                    given.get("blocks", []),
                )
            case "chat.update":
                ts = given["ts"]
                message = self.messages[ts]
                message.text, message.blocks = given.get("text", ""), given.get("blocks", [])
                message.edits += 1
            case "auth.test":
                return {
                    "ok": True,
                    "user_id": BOT,
                    "bot_id": "B1",
                    "team_id": TEAM,
                    "team": "t",
                    "user": "lectern",
                }
            case _:
                return {"ok": False, "error": "unknown_method"}
        return {"ok": True, "ts": ts, "channel": given.get("channel")}

    def _stamp(self) -> str:
        return f"1700000000.{next(self._numbers):06d}"


def signed(body: bytes, *, at_s: float | None = None, secret: str = SECRET) -> dict[str, str]:
    """Headers as Slack signs a request."""
    stamp = str(int(time.time() if at_s is None else at_s))
    digest = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    slack: ScriptedSlack


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        raw = self.rfile.read(length)
        if "json" in self.headers.get("Content-Type", ""):
            given = json.loads(raw or b"{}")
        else:
            given = {name: values[-1] for name, values in parse_qs(raw.decode()).items()}
            if "blocks" in given:
                given["blocks"] = json.loads(given["blocks"])
        method = self.path.partition("?")[0].removeprefix("/api/")
        status, headers, body = self.server.slack.take(
            method, given, self.headers.get("Authorization", "")
        )
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        pass
