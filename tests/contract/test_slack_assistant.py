"""Who is greeted and proposed questions where people write to the bot alone."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from corpus.registry.database.engine import Registry
from corpus.settings import Settings
from service.parts import ServiceParts
from service.slack.access import SlackAccess
from service.slack.assistant import GREETING, Assistant
from service.slack.bot_token import BotToken
from service.slack.calling import open_session
from tests.doubles.scripted_slack import TEAM, TOKEN, ScriptedSlack

HOME = {"type": "app_home_opened", "tab": "messages", "channel": "D2", "user": "U2"}
PANE = {
    "type": "assistant_thread_started",
    "assistant_thread": {"user_id": "U2", "channel_id": "D2", "thread_ts": "1.1"},
}


def opened(registry: Registry, **outer: Any) -> ScriptedSlack:  # noqa: ANN401
    """Slack, after somebody opened the messages, and the pane of an older app."""

    async def run(slack: ScriptedSlack) -> None:
        async with open_session() as session:
            client = AsyncWebClient(TOKEN, base_url=slack.api_url, session=session)
            token = BotToken(client)
            assert await token.is_good()
            # Whom questions are proposed to is looked up.
            settings = Settings(slack_emails="on", _env_file=None)
            parts = cast("ServiceParts", SimpleNamespace(registry=registry, settings=settings))
            assistant = Assistant(parts, token, SlackAccess(settings, token))
            await assistant.suggest({"event": HOME, "team_id": TEAM, **outer}, client)
            await assistant.greet({"event": PANE, "team_id": TEAM, **outer}, client)

    with ScriptedSlack() as slack:
        asyncio.run(run(slack))
    return slack


def test_ours_are_greeted_in_the_pane_and_looked_up_for_what_is_proposed(
    registry: Registry,
) -> None:
    slack = opened(registry)
    assert [one.text for one in slack.messages.values()] == [GREETING]
    assert slack.count("users.info") == 1


@pytest.mark.parametrize("outer", [{"is_ext_shared_channel": True}, {"team_id": "T2"}])
def test_people_of_other_organisations_open_them_in_vain(
    registry: Registry, outer: dict[str, Any]
) -> None:
    slack = opened(registry, **outer)
    assert [method for method, _ in slack.calls] == ["auth.test"]
