"""What a thread is told that nobody answers any more, against the scripted Slack."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

from slack_sdk.web.async_client import AsyncWebClient

from corpus.registry.database.engine import Registry
from corpus.registry.slack import Abandoned
from corpus.settings import Settings
from service.parts import ServiceParts
from service.slack.access import SlackAccess
from service.slack.bot import Bot
from service.slack.bot_token import BotToken
from service.slack.calling import open_session
from service.slack.holding import Holding
from service.slack.words import CUT_OFF
from tests.doubles.scripted_slack import TOKEN, Failure, ScriptedSlack


def test_it_is_not_told_twice_at_once_where_slack_may_have_had_it(registry: Registry) -> None:
    with ScriptedSlack() as slack:
        slack.fail("chat.postMessage", Failure(is_lost=True, is_done=True))

        async def run() -> bool:
            async with open_session() as session:
                client = AsyncWebClient(TOKEN, base_url=slack.api_url, session=session)
                token, settings = BotToken(client), Settings(_env_file=None)
                parts = SimpleNamespace(registry=registry, settings=settings)
                access = SlackAccess(settings, token)
                bot = Bot(cast("ServiceParts", parts), token, Holding(registry), access)
                return await bot.tell_interrupted(Abandoned("Ev1", "C1", "1.1"), client)

        assert not asyncio.run(run())
        assert [one.text for one in slack.in_thread("1.1")] == [CUT_OFF]
