"""A bot that has more to do than it may, against the scripted Slack."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import cast

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from corpus.registry.database.engine import Registry
from corpus.registry.slack import Abandoned, SlackThread
from corpus.settings import Settings
from service.parts import ServiceParts
from service.slack import bot as bots
from service.slack.access import SlackAccess
from service.slack.asked import Asked
from service.slack.bot import Bot
from service.slack.bot_token import BotToken
from service.slack.calling import open_session
from service.slack.commands import SlashCommand
from service.slack.holding import Holding
from service.slack.words import BUSY, ENDS
from tests.doubles.scripted_slack import TOKEN, Failure, ScriptedSlack

# It is answered with one message, without asking anything.
ASKED = Asked("Ev1", "1.1", SlackThread("T1", "C1", "1.1"), "T1", "U1", "Hi", True, is_shared=True)
COMMAND = SlashCommand("/lectern", "help", "T1", "C1", "U1", "http://127.0.0.1:9/")


def another(n: int) -> Asked:
    return replace(ASKED, ts=f"{n}.1", thread=SlackThread("T1", "C1", f"{n}.1"))


def bot_of(registry: Registry, client: AsyncWebClient) -> Bot:
    token = BotToken(client)
    settings = Settings(_env_file=None)
    parts = cast("ServiceParts", SimpleNamespace(registry=registry, settings=settings))
    return Bot(parts, token, Holding(registry), SlackAccess(settings, token))


@pytest.mark.parametrize(
    ("error", "is_left"),
    [
        ("is_archived", True),
        ("restricted_action", True),
        ("restricted_action_read_only_channel", True),
        ("restricted_action_thread_only_channel", True),
        ("restricted_action_non_threadable_channel", True),
        ("restricted_action_thread_locked", True),
        ("cannot_reply_to_message", True),
        ("messages_tab_disabled", True),
        ("ekm_access_denied", True),
        ("internal_error", False),
        ("token_revoked", False),
    ],
)
def test_where_it_may_not_write_it_does_not_try_again(
    registry: Registry, error: str, *, is_left: bool
) -> None:
    with ScriptedSlack() as slack:
        slack.fail("chat.postMessage", Failure(error))

        async def run() -> bool:
            async with open_session() as session:
                client = AsyncWebClient(TOKEN, base_url=slack.api_url, session=session)
                left = Abandoned("Ev1", "C1", "1.1")
                return await bot_of(registry, client).tell_interrupted(left, client)

        assert asyncio.run(run()) is is_left
        assert slack.count("chat.postMessage") == 1


def test_a_service_that_ends_leaves_no_thread_that_shows_work(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit in ("LAST_WORD_S", "LAST_EDIT_S"):
        monkeypatch.setattr(bots, limit, 0.0)
    with ScriptedSlack() as slack:
        slack.delay("chat.postMessage", 1.4)
        slack.delay("agents.sessions.setStatus", 0.0, 1.5)

        async def run() -> None:
            async with open_session() as session:
                client = AsyncWebClient(TOKEN, base_url=slack.api_url, session=session)
                bot = bot_of(registry, client)
                assert await bot.receive(ASKED, client)
                shown = partial(slack.sessions.of, "C1", "1.1")
                await asyncio.to_thread(slack.wait_for, lambda: bool(shown()), "a sign")
                await bot.close()

        asyncio.run(run())
        assert slack.sessions.of("C1", "1.1") == "active"


def test_what_is_too_much_is_said_once_or_sent_again(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bots, "MAX_WAITING", 1)
    with ScriptedSlack() as slack:
        slack.delay("chat.postMessage", 3.0, 3.0)

        async def run() -> None:
            async with open_session() as session:
                client = AsyncWebClient(TOKEN, base_url=slack.api_url, session=session)
                bot = bot_of(registry, client)
                assert await bot.receive(another(1), client)
                follow_up = replace(another(2), is_direct=False)
                assert not await bot.receive(follow_up, client)  # Slack sends it again
                for _ in range(3):
                    assert await bot.receive(another(3), client)
                assert not await bot.receive(another(4), client)
                assert bot.respond(COMMAND, client) == BUSY
                await asyncio.to_thread(slack.wait_for_end, "3.1")
                await bot.close()
                assert bot.respond(COMMAND, client) == ENDS

        asyncio.run(run())
        assert [one.text for one in slack.in_thread("3.1")] == [BUSY]
        assert slack.in_thread("2.1") == []
