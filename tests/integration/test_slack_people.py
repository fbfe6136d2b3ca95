"""Whom Slack's people are by their e-mail addresses, against the scripted Slack."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from corpus.settings import Settings
from service.slack.bot_token import BotToken
from service.slack.calling import open_session
from service.slack.people import NAMES_LIMIT_S, People
from service.slack.texts import question_of
from tests.doubles.scripted_slack import TOKEN, Failure, ScriptedSlack

SETTINGS = Settings(slack_emails="on", _env_file=None)


def asked(slack: ScriptedSlack, *, times: int = 1) -> list[frozenset[str]]:
    async def run() -> list[frozenset[str]]:
        async with open_session() as session:
            client = AsyncWebClient(TOKEN, base_url=slack.api_url, session=session)
            token = BotToken(client)
            assert await token.is_good()
            people = People(SETTINGS, token)
            return [await people.also(client, "U3") for _ in range(times)]

    return asyncio.run(run())


def named(slack: ScriptedSlack, text: str, settings: Settings = SETTINGS) -> str:
    async def run() -> str:
        async with open_session() as session:
            client = AsyncWebClient(TOKEN, base_url=slack.api_url, session=session)
            return await People(settings, BotToken(client)).named(client, text)

    return question_of(asyncio.run(run()))


def test_whom_a_message_mentions_has_a_name_there() -> None:
    with ScriptedSlack() as slack:
        slack.people["U3"] = {"profile": {"real_name": "Ann <Lee>|"}}
        assert (
            named(slack, "Who are <@U3>, <@U3|> and <@U4|bob>?")
            == "Who are Ann Lee, Ann Lee and bob?"
        )
        assert slack.count("users.info") == 1
        slack.fail("users.info", Failure("user_not_found"))
        assert named(slack, "Who is <@U3>?") == "Who is ?"


def test_a_question_waits_a_moment_for_names_and_for_all_of_them_together() -> None:
    slow_s = NAMES_LIMIT_S * 0.6
    with ScriptedSlack() as slack:
        for number in range(3, 8):
            slack.people[f"U{number}"] = {"profile": {"real_name": f"Ann {number}"}}
        slack.delay("users.info", slow_s, slow_s)
        assert named(slack, "Who are <@U3> and <@U4>?") == "Who are Ann 3 and Ann 4?"
        slack.delay("users.info", 2 * NAMES_LIMIT_S)
        slack.fail("users.info", Failure("ratelimited", 429, retry_after_s=30))
        # One is not told in time, of one Slack does not tell now, and the others are known.
        said = named(slack, "Who are <@U3>, <@U4>, <@U5>, <@U6>, <@U7> and <@U8>?")
        assert sum(f"Ann {number}" in said for number in range(3, 8)) == 3
        assert slack.count("users.info") == 2 + 4  # answered; five are asked for at most


def test_who_has_no_name_for_a_moment_is_somebody_all_the_same() -> None:
    async def run(slack: ScriptedSlack) -> tuple[str, frozenset[str]]:
        async with open_session() as session:
            client = AsyncWebClient(TOKEN, base_url=slack.api_url, session=session)
            token = BotToken(client)
            assert await token.is_good()
            people = People(SETTINGS, token)
            return await people.named(client, "<@U3>"), await people.also(client, "U3")

    with ScriptedSlack() as slack:
        slack.fail("users.info", Failure("ratelimited", 429, retry_after_s=30))
        assert asyncio.run(run(slack)) == ("<@U3>", frozenset({"user:u3@example.org"}))


def test_nobody_is_looked_up_where_the_operator_does_not_want_it() -> None:
    with ScriptedSlack() as slack:
        assert named(slack, "Who is <@U3>?", Settings(_env_file=None)) == "Who is ?"
        assert slack.calls == []


def test_a_member_is_their_address() -> None:
    with ScriptedSlack() as slack:
        assert asked(slack, times=2) == [frozenset({"user:u3@example.org"})] * 2
        assert slack.count("users.info") == 1


@pytest.mark.parametrize(
    "told",
    [
        {"team_id": "T2"},
        {"team_id": None},
        {"is_restricted": True},
        {"is_ultra_restricted": True},
        {"is_stranger": True},
        {"is_bot": True},
        {"deleted": True},
        {"is_email_confirmed": False},
        {"profile": {}},
    ],
)
def test_who_may_call_themselves_anything_is_nobody(told: dict[str, Any]) -> None:
    with ScriptedSlack() as slack:
        slack.people["U3"] = told
        assert asked(slack) == [frozenset()]


def test_whom_slack_does_not_tell_of_is_nobody_for_a_moment() -> None:
    with ScriptedSlack() as slack:
        slack.fail("users.info", Failure("user_not_found"))
        assert asked(slack, times=3) == [frozenset()] * 3
        assert slack.count("users.info") == 1
