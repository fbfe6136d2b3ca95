"""Socket Mode: Slack's events over WebSockets that we open, so that no address is public.

https://docs.slack.dev/apis/events-api/using-socket-mode/. The SDK's own client dials an address
that was used up again and again, in even intervals and with a traceback each; this one asks for a
new address and waits longer each time.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from typing import Any

import aiohttp
from slack_bolt import BoltResponse
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app
from slack_sdk.socket_mode.request import SocketModeRequest

from service.slack.app import SlackApp
from service.slack.calling import SLACK_ERRORS, patient, reason_of, retry_after_s
from service.slack.preflight import hint_for_app_token

log = logging.getLogger("lectern.slack")

# Slack sends again what is not acknowledged within three seconds.
ACK_LIMIT_S = 2.9
# Envelopes that are looked at at once; Slack sends the others again.
MAX_IN_HAND = 200
CONNECT_LIMIT_S = 15.0
# A connection without an answer to a ping for half as long again is dead.
HEARTBEAT_S = 10.0
# Slack does not end a closed connection on its side.
CLOSE_LIMIT_S = 1.0
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 60.0
# A connection that ends sooner counts as a failure.
STABLE_S = 30.0
# Slack's reasons for which a connection goes on for some seconds, so that another is opened first.
REPLACED = frozenset({"warning", "refresh_requested"})


class SocketMode:
    """Keeps one connection to Slack; `run` it until it is cancelled."""

    def __init__(self, slack: SlackApp, app_token: str) -> None:
        self._slack = slack
        self._app_token = app_token
        self._in_hand: set[asyncio.Task[None]] = set()
        self._failures = 0  # one after the other

    async def run(self) -> None:
        """Connect, take what comes, and connect again whenever that ends."""
        following: aiohttp.ClientWebSocketResponse | None = None
        while True:
            begun_s = time.monotonic()
            wanted_s: float | None = None
            try:
                socket, following = following or await self._open(), None
                following = await self._serve(socket, begun_s)
            except SLACK_ERRORS as error:
                reason, wanted_s = reason_of(error), retry_after_s(error)
                log.warning("no connection to Slack: %s%s", reason, hint_for_app_token(reason))
            except Exception:
                log.exception("the connection to Slack broke")
            if following is not None:
                self._failures = 0
                continue
            lasted = time.monotonic() - begun_s >= STABLE_S
            self._failures = 0 if lasted else self._failures + 1
            await asyncio.sleep(max(_pause_s(self._failures), wanted_s or 0.0))

    async def _address(self) -> str:
        """Where to connect, this once."""
        client = patient(self._slack.client, 0)
        async with asyncio.timeout(CONNECT_LIMIT_S):
            opened = await client.apps_connections_open(app_token=self._app_token)
        return str(opened["url"])

    async def _open(self) -> aiohttp.ClientWebSocketResponse:
        address = await self._address()
        session, proxy = self._slack.client.session, self._slack.client.proxy
        assert session is not None  # noqa: S101 - the application has opened one
        async with asyncio.timeout(CONNECT_LIMIT_S):
            return await session.ws_connect(
                address,
                heartbeat=HEARTBEAT_S,
                proxy=proxy,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_LIMIT_S),
            )

    async def _serve(
        self, socket: aiohttp.ClientWebSocketResponse, begun_s: float
    ) -> aiohttp.ClientWebSocketResponse | None:
        """Take what comes; the next connection, opened before this one was closed."""
        async with socket:
            try:
                is_replaced = await self._read(socket)
                # One that did not last is followed by a pause instead.
                if is_replaced and time.monotonic() - begun_s >= STABLE_S:
                    return await self._open()
                return None
            finally:
                # What is in hand is acknowledged on the connection that it came by.
                if self._in_hand and not socket.closed:
                    await asyncio.wait(self._in_hand, timeout=ACK_LIMIT_S)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> bool:
        """Take what comes until the connection ends; True: Slack wants another one first."""
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            envelope = json.loads(message.data)
            match envelope.get("type"):
                case "hello":
                    log.info("connected to Slack, Socket Mode")
                case "disconnect":
                    reason = str(envelope.get("reason"))
                    _say_why(reason)
                    return reason in REPLACED
                case _:
                    self._take(socket, envelope)
        log.warning("the connection to Slack was lost (%s)", socket.close_code)
        return False

    def _take(self, socket: aiohttp.ClientWebSocketResponse, envelope: dict[str, Any]) -> None:
        request = SocketModeRequest.from_dict(envelope)
        if request is None or len(self._in_hand) >= MAX_IN_HAND:
            return
        task = asyncio.create_task(self._handle(socket, request))
        self._in_hand.add(task)
        task.add_done_callback(self._in_hand.discard)

    async def _handle(
        self, socket: aiohttp.ClientWebSocketResponse, request: SocketModeRequest
    ) -> None:
        """Acknowledge what was taken; what was not, Slack sends again."""
        try:
            async with asyncio.timeout(ACK_LIMIT_S):
                response = await run_async_bolt_app(self._slack.bolt, request)
                if response.status == 200:
                    await socket.send_json(_acknowledgement(request, response))
                else:
                    log.warning("not acknowledged to Slack: %s", response.body)
        except (TimeoutError, ConnectionError) as error:
            log.warning("not acknowledged to Slack: %s", type(error).__name__)
        except Exception:
            log.exception("not acknowledged to Slack")


def _acknowledgement(request: SocketModeRequest, response: BoltResponse) -> dict[str, Any]:
    """The envelope's id, with what a listener says at once (to a command, for instance)."""
    said: dict[str, Any] = {"envelope_id": request.envelope_id}
    if response.body and request.accepts_response_payload:
        content_type = response.headers.get("content-type", [""])[0]
        is_json = content_type.startswith("application/json")
        said["payload"] = json.loads(response.body) if is_json else {"text": response.body}
    return said


def _say_why(reason: str) -> None:
    """Slack's reasons for ending a connection."""
    if reason == "link_disabled":
        log.error("Socket Mode was switched off for this app: switch it on, under Socket Mode.")
    elif reason == "too_many_websockets":
        log.warning("Slack closes a connection: more than ten are open for this app.")
    else:  # "warning" or "refresh_requested": every few hours
        log.info("Slack asks for a new connection (%s)", reason)


def _pause_s(failures: int) -> float:
    """Longer after each failure, and not the same for all replicas."""
    if failures == 0:
        return 0.0
    longest_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures, 10))
    return longest_s * (0.5 + random.random() / 2)  # noqa: S311
