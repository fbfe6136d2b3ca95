"""Connections of Socket Mode, one after the other, against the scripted Slack."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import cast

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from service.slack import socket
from service.slack.app import SlackApp
from service.slack.calling import open_session
from service.slack.socket import SocketMode
from tests.doubles.scripted_slack import APP_TOKEN, TOKEN, ScriptedSlack


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not met():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
def test_before_slack_ends_a_connection_there_is_another(
    monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    monkeypatch.setattr(socket, "STABLE_S", 0.0)
    with ScriptedSlack() as slack:
        wire = slack.wire

        async def run() -> None:
            async with open_session() as session:
                client = AsyncWebClient(TOKEN, base_url=slack.api_url, session=session)
                app = cast("SlackApp", SimpleNamespace(client=client))
                running = asyncio.create_task(SocketMode(app, APP_TOKEN).run())
                await until(lambda: wire.connections == 1)
                await asyncio.to_thread(wire.disconnect, reason)
                await until(lambda: len(wire.told) == 3)
                running.cancel()
                with suppress(asyncio.CancelledError):
                    await running

        asyncio.run(run())
        assert wire.told[:3] == ["opened", "opened", "closed"]
