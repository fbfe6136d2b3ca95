"""The wire of the scripted Slack: HTTP for its API, WebSockets for Socket Mode, in one thread."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeAlias
from urllib.parse import parse_qs
from uuid import uuid4

from aiohttp import WSMsgType, web

Answer: TypeAlias = tuple[int, dict[str, str], dict[str, Any]] | None
Take: TypeAlias = Callable[[str, dict[str, Any], str], Answer]

ACK_LIMIT_S = 3.0
MAX_TRIES = 4
MAX_RESPONSES = 5  # to one command


class SlackWire:
    """Passes calls to `take`, and envelopes to whoever is connected.

    An envelope that is not acknowledged in time comes again, with another id and the same payload.
    """

    def __init__(self, take: Take, delay_s: Callable[[str], float]) -> None:
        self._take = take
        self._delay_s = delay_s
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._runner: web.AppRunner | None = None
        self._addresses: set[str] = set()
        self._sockets: list[web.WebSocketResponse] = []
        self._awaited: dict[str, asyncio.Event] = {}
        self.port = 0
        self.connections = 0
        self.acknowledged: list[str] = []
        self.payloads: list[dict[str, Any]] = []  # what came back with acknowledgements
        self.redelivered = 0
        # Of whoever asks with this token; others are shown where people sign in.
        self.files: dict[str, bytes] = {}
        self.file_token = ""
        self.is_grid = False  # of an organisation, whose files are at another address
        # Minds Slack's rules for what is said to commands, too.
        self.check: Callable[[str, dict[str, Any]], None] = lambda _way, _told: None
        self.refuses_blocks = False  # of what is said to commands
        self.told: list[str] = []  # connections as they are opened and closed
        self.responses: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def start(self) -> None:
        self._thread.start()
        self._wait(self._serve())

    def stop(self) -> None:
        self._wait(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def new_address(self) -> str:
        """An address that may be used once."""
        ticket = uuid4().hex
        self._addresses.add(ticket)
        return f"ws://127.0.0.1:{self.port}/link/?ticket={ticket}"

    @property
    def connected(self) -> int:
        return len(self._sockets)

    def deliver(self, payload: dict[str, Any], kind: str = "events_api", *, first: int = 0) -> None:
        """Send an envelope until it is acknowledged, some times at most; returns at once.

        Each time over another connection, beginning with the one that has this number.
        """
        asyncio.run_coroutine_threadsafe(self._deliver(payload, kind, first), self._loop)

    def disconnect(self, reason: str) -> None:
        """Say that connections end, as Slack does, and end them."""
        self._wait(self._disconnect(reason))

    def drop(self) -> None:
        """Cut every connection off."""
        self._wait(self._drop())

    def _wait(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _serve(self) -> None:
        app = web.Application()
        app.router.add_post("/api/{method}", self._call)
        app.router.add_get("/api/{method}", self._call)
        app.router.add_get("/link/", self._link)
        app.router.add_get("/files/{name}", self._file)
        app.router.add_get("/files-origin/{name}", self._file)
        app.router.add_get("/signin", self._sign_in)
        app.router.add_post("/respond/{number}", self._respond)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _close(self) -> None:
        assert self._runner is not None
        await self._drop()
        await self._runner.cleanup()
        left = asyncio.all_tasks() - {asyncio.current_task()}  # deliveries, and calls that are slow
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _call(self, request: web.Request) -> web.StreamResponse:
        raw = await request.text()
        if "json" in request.headers.get("Content-Type", ""):
            given = json.loads(raw or "{}")
        else:
            read = parse_qs(raw or request.query_string)
            given = {name: values[-1] for name, values in read.items()}
            if "blocks" in given:
                given["blocks"] = json.loads(given["blocks"])
        method = request.match_info["method"]
        await asyncio.sleep(self._delay_s(method))
        answer = self._take(method, given, request.headers.get("Authorization", ""))
        if answer is None:
            assert request.transport is not None
            request.transport.abort()
            raise web.HTTPServiceUnavailable
        status, headers, body = answer
        return web.json_response(body, status=status, headers=headers)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if request.headers.get("Authorization") != f"Bearer {self.file_token}":
            raise web.HTTPFound(f"/signin?redir=/files/{name}")
        if self.is_grid and request.path.startswith("/files/"):
            raise web.HTTPFound(f"/files-origin/{name}")
        content = self.files.get(name)
        if content is None:
            raise web.HTTPNotFound
        return web.Response(body=content, content_type="application/octet-stream")

    async def _sign_in(self, request: web.Request) -> web.StreamResponse:
        del request
        return web.Response(text="<html>Sign in</html>", content_type="text/html")

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        said = self.responses[request.match_info["number"]]
        if len(said) >= MAX_RESPONSES:
            raise web.HTTPNotFound
        told = await request.json()
        if self.refuses_blocks and told.get("blocks"):
            return web.Response(text="invalid_blocks", status=400)
        if any(block["type"] == "markdown" for block in told.get("blocks") or ()):
            return web.Response(status=500)  # what hooks.slack.com does with this block
        self.check("response", told)
        said.append(told)
        return web.Response(text="ok")

    async def _link(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self._addresses:
            raise web.HTTPNotFound
        self._addresses.discard(ticket)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "hello", "num_connections": len(self._sockets) + 1})
        self._sockets.append(socket)
        self.connections += 1
        self.told.append("opened")
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._acknowledge(json.loads(message.data))
        finally:
            self.told.append("closed")
            if socket in self._sockets:
                self._sockets.remove(socket)
        return socket

    def _acknowledge(self, said: dict[str, Any]) -> None:
        self.acknowledged.append(said["envelope_id"])
        if "payload" in said:
            self.payloads.append(said["payload"])
        if event := self._awaited.get(said["envelope_id"]):
            event.set()

    async def _deliver(self, payload: dict[str, Any], kind: str, first: int) -> None:
        for attempt in range(MAX_TRIES):
            while not self._sockets:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            envelope_id = str(uuid4())
            envelope = {
                "envelope_id": envelope_id,
                "type": kind,
                "payload": payload,
                "accepts_response_payload": kind != "events_api",
            }
            if attempt:
                self.redelivered += 1
                envelope |= {"retry_attempt": attempt, "retry_reason": "timeout"}
            event = self._awaited[envelope_id] = asyncio.Event()
            with suppress(ConnectionError):
                await self._sockets[(first + attempt) % len(self._sockets)].send_json(envelope)
            with suppress(TimeoutError):
                async with asyncio.timeout(ACK_LIMIT_S):
                    await event.wait()
                    return

    async def _disconnect(self, reason: str) -> None:
        for socket in list(self._sockets):
            with suppress(ConnectionError):
                info = {"host": "applink-1"}
                said = {"type": "disconnect", "reason": reason, "debug_info": info}
                await socket.send_json(said)
            self._sockets.remove(socket)

    async def _drop(self) -> None:
        for socket in list(self._sockets):
            transport = socket._req.transport if socket._req is not None else None
            if transport is not None:
                transport.abort()
            if socket in self._sockets:
                self._sockets.remove(socket)
