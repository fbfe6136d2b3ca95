"""Answers that somebody stops, against the scripted Slack."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from corpus.registry.database.engine import Registry
from corpus.registry.slack import Abandoned, SlackThread, end_event
from service.slack import holding as holding_module
from service.slack.asked import Asked
from service.slack.calling import open_session
from service.slack.holding import Holding
from service.slack.replying import Reply
from service.slack.status import Statuses
from service.slack.stopping import Stopping
from service.slack.taking import take
from service.slack.words import STOPPED
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
        assert [one.text for one in slack.in_thread(THREAD.thread_ts)] == [NOTICE]


async def answered(stopping: Stopping, holding: Holding, asked: Asked, reply: Reply) -> str:
    """How it ends what would be answered without an end here."""
    holding.add(asked.key)
    with stopping.may_stop(asked, reply):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await reply.last_word((), text="Said by whoever is stopped.")
    await holding.end(asked.key)
    return "stopped"


async def leave_alone(left: Abandoned) -> bool:
    raise AssertionError(left)


def test_whichever_replica_hears_of_it_the_one_that_answers_stops(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding_module, "LOOK_EVERY_S", 0.05)
    since = replace(ASKED, ts="1900000000.000001")
    for asked in (ASKED, since):
        assert take(registry, asked) is not None
    with ScriptedSlack() as slack:
        event = pressed(slack)

        async def use(client: AsyncWebClient) -> None:
            ours, theirs = (Stopping(registry, Statuses()) for _ in range(2))
            holding = Holding(registry)
            keeping = asyncio.create_task(holding.keep(leave_alone, theirs.end))
            reply = reply_to(ASKED, client)
            for _ in range(20):
                await reply.say(SECRET)
            stopped, goes_on = (
                asyncio.create_task(answered(theirs, holding, asked, to))
                for asked, to in ((ASKED, reply), (since, reply_to(since, client)))
            )
            await asyncio.sleep(0)
            for _ in range(2):  # Slack sends it again
                await ours.stop(event, client)
            async with asyncio.timeout(20):
                assert await stopped == "stopped"
            assert not goes_on.done()
            for task in (goes_on, keeping):
                task.cancel()
            await asyncio.wait({goes_on, keeping})

        with_client(slack, use)
        streamed, told, *others = slack.in_thread(THREAD.thread_ts)
        # It began after the button was pressed: Slack ended nothing.
        assert (streamed.is_open, streamed.blocks, told.text) == (False, [], STOPPED)
        assert [one.text for one in others] == ["Said by whoever is stopped."]  # by `goes_on`


def test_where_nobody_answers_nobody_says_that_it_stopped(registry: Registry) -> None:
    assert take(registry, ASKED) is not None
    with registry.write() as connection:
        end_event(connection, ASKED.key)
    with ScriptedSlack() as slack:
        slack.sessions.streamed(CHANNEL, THREAD.thread_ts, "processing")

        async def use(client: AsyncWebClient) -> None:
            await Stopping(registry, Statuses()).stop(pressed(slack), client)

        with_client(slack, use)
        assert slack.in_thread(THREAD.thread_ts) == []
        assert slack.sessions.of(CHANNEL, THREAD.thread_ts) == "active"
