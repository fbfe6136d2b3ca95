"""A real HTTP server on loopback that plays an LLM from a script, in each provider's protocol."""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from tests.doubles.llm_protocols import MODEL as MODEL  # noqa: PLC0414 - tests name it with the server
from tests.doubles.llm_protocols import WIRES, Said, Wire
from tests.doubles.serving import Handler, Serving

_POLL_S = 0.02


@dataclass(frozen=True)
class Reply:
    """How to answer one chat request.

    `thoughts`, then `pieces` are streamed one event each, `pause_s` seconds before each. A `status`
    other than 200 sends an error body instead, with these `headers`. `events` are sent after the
    pieces, as they are, whether they are JSON or not. `hang_up` drops the connection after that
    without ending the stream; `stall` keeps it open, until the client leaves. `silent` sends
    nothing at all. `body` replaces the whole reply with other bytes. `usage` is reported as the
    provider does, in its own terms; OpenAI does at the end, to a client that asks for it.
    """

    pieces: tuple[str, ...] = ()
    status: int = 200
    pause_s: float = 0.0
    events: tuple[str, ...] = ()
    hang_up: bool = False
    stall: bool = False
    silent: bool = False
    body: bytes | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)
    thoughts: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def said(self) -> Said:
        """What a protocol makes of it."""
        return Said(self.thoughts, self.pieces, self.events, self.usage)


def say(*pieces: str) -> Reply:
    """The reply that streams these pieces and ends well."""
    return Reply(pieces=pieces)


class ScriptedLlm(Serving):
    """Serves `replies` in order, the last one again and again, inside a `with`.

    `requests` are the JSON bodies received so far, in order, `headers` what came with each.
    `script` puts other replies in place.
    """

    def __init__(self, *replies: Reply) -> None:
        self._lock = threading.Lock()
        self._replies = list(replies) or [say("Nothing was scripted.")]
        self._by_text: tuple[str, Reply] | None = None
        self._left = threading.Event()
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.stopping = threading.Event()
        super().__init__(_Handler)

    @property
    def base_url(self) -> str:
        """Address to configure for OpenAI's protocol; Anthropic's and Ollama's take `root_url`."""
        return f"{self.root_url}/v1"

    def script(self, *replies: Reply) -> None:
        """Serve these from now on; who left before is forgotten."""
        self._left.clear()
        with self._lock:
            self._by_text = None
            self._replies = list(replies)

    def script_by(self, wanted: str, reply: Reply, *, otherwise: Reply) -> None:
        """Serve `reply` to requests that have this text in them, `otherwise` to all others."""
        self.script(otherwise)
        with self._lock:
            self._by_text = (wanted, reply)

    def wait_until_client_left(self, timeout_s: float) -> bool:
        """Whether a client closed its connection before its reply had ended, within the time."""
        return self._left.wait(timeout_s)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stopping.set()
        super().__exit__(kind, error, trace)

    def take(self, request: dict[str, Any], headers: dict[str, str]) -> Reply:
        """Record a request and choose its reply (called by the server's threads)."""
        with self._lock:
            self.requests.append(request)
            self.headers.append(headers)
            if self._by_text is not None and self._by_text[0] in str(request):
                return self._by_text[1]
            return self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]

    def client_left(self) -> None:
        """Note that a client went away (called by the server's threads)."""
        self._left.set()


class _Handler(Handler):
    double: ScriptedLlm

    def answer(self) -> None:
        if self.command == "GET":
            models = {"object": "list", "data": [{"id": MODEL, "object": "model"}]}
            self.reply(200, json.dumps(models).encode())
            return
        request = json.loads(self.body())
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.double.take(request, headers)
        wire = WIRES[self.path]
        if reply.status != 200:
            body = {"type": "error", "error": {"message": "scripted error", "type": "x"}}
            self.reply(reply.status, json.dumps(body).encode(), headers=reply.headers)
        elif reply.body is not None:
            self.reply(200, reply.body, "text/html")
        elif not request.get("stream"):
            self.reply(200, json.dumps(wire.whole(reply.said)).encode())
        else:
            try:
                if reply.silent:
                    self._pause(float("inf"))
                self._stream(reply, wire, request)
            except (BrokenPipeError, ConnectionResetError):
                self.double.client_left()
        self.close_connection = True

    def _stream(self, reply: Reply, wire: Wire, request: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", wire.content_type)
        # Chunked, so that a dropped connection differs from the end of the reply.
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in wire.chunks(reply.said, request):
            self._pause(reply.pause_s)
            self._chunk(chunk)
        if reply.stall:
            self._pause(float("inf"))
        if reply.hang_up:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        for chunk in wire.ending(reply.said, request):
            self._chunk(chunk)
        self._chunk(b"")

    def _pause(self, pause_s: float) -> None:
        """Wait, but notice a client that leaves: only its socket can tell while we are silent."""
        until = time.monotonic() + pause_s
        while (rest_s := until - time.monotonic()) > 0 and not self.double.stopping.is_set():
            readable, _, _ = select.select([self.connection], [], [], min(rest_s, _POLL_S))
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                raise ConnectionResetError

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()
