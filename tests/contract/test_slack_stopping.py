"""Answers that somebody stops, against the scripted Slack."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from corpus.registry.database.engine import Registry
from corpus.registry.slack import SlackThread
from service.slack.asked import Asked
from service.slack.calling import open_session
from service.slack.replying import Reply
from service.slack.status import Statuses
from service.slack.stopping import Stopping
from tests.doubles.scripted_slack import CHANNEL, TEAM, TOKEN, USER, ScriptedSlack

THREAD = SlackThread(TEAM, CHANNEL, "1600000000.000001")
ASKED = Asked("Ev1", THREAD.thread_ts, THREAD, TEAM, USER, "Why?", True)
SECRET = "The pass phrase is zirconium. "  # noqa: S105
NOTICE = "A document was deleted."


def pressed(slack: ScriptedSlack) -> dict[str, Any]:
    """What Slack tells of the button."""
    event = slack.press_stop(CHANNEL, THREAD.thread_ts)
    return {"event": event, "event_id": f"Ev{event['event_ts']}"}


def with_client(slack: ScriptedSlack, use: Callable[[AsyncWebClient], Awaitable[None]]) -> None:
    async def run() -> None:
        async with open_session() as session:
            await use(AsyncWebClient(TOKEN, base_url=slack.api_url, session=session))

    asyncio.run(run())
    assert slack.broken_rules == []


def reply_to(asked: Asked, client: AsyncWebClient) -> Reply:
    return Reply(client, CHANNEL, asked.thread.thread_ts, TEAM, USER)


def test_what_is_withdrawn_is_taken_back_whoever_stops_it(registry: Registry) -> None:
    with ScriptedSlack() as slack:

        async def use(client: AsyncWebClient) -> None:
            stopping = Stopping(registry, Statuses())
            reply = reply_to(ASKED, client)
            for _ in range(20):
                await reply.say(SECRET)

            async def withdraw() -> None:
                with stopping.may_stop(ASKED, reply):
                    await reply.withdraw(NOTICE)

            slack.delay("chat.stopStream", 0.5)
            withdrawing = asyncio.create_task(withdraw())
            await asyncio.sleep(0)
            await stopping.stop(pressed(slack), client)
            await withdrawing

        with_client(slack, use)
        assert slack.in_thread(THREAD.thread_ts)[0].text == NOTICE
