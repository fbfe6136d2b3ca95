"""How long calls of Slack's API are tried, against the scripted Slack."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from service.slack.bot_token import ASK_LIMIT_S, BotToken
from service.slack.calling import open_session, patient, reason_of, retry_after_s
from tests.doubles.scripted_slack import TOKEN, Failure, ScriptedSlack


def limited(wait_s: int) -> Failure:
    return Failure("ratelimited", 429, retry_after_s=wait_s)


def with_client(slack: ScriptedSlack, use: Callable[[AsyncWebClient], Awaitable[None]]) -> None:
    async def run() -> None:
        async with open_session() as session:
            await use(AsyncWebClient(TOKEN, base_url=slack.api_url, session=session))

    asyncio.run(run())


def test_rate_limits_are_waited_for_in_sum() -> None:
    with ScriptedSlack() as slack:
        slack.fail("auth.test", limited(1), limited(1), limited(1))

        async def use(client: AsyncWebClient) -> None:
            patience = patient(client, 2.5)
            with pytest.raises(SlackApiError) as refused:
                await patience.auth_test()
            assert (reason_of(refused.value), retry_after_s(refused.value)) == ("ratelimited", 1.0)
            assert slack.count("auth.test") == 3
            await patient(client, 2.5).auth_test()

        with_client(slack, use)


def test_a_longer_wait_than_there_is_patience_for_fails_at_once() -> None:
    with ScriptedSlack() as slack:
        slack.fail("auth.test", limited(3600))

        async def use(client: AsyncWebClient) -> None:
            with pytest.raises(SlackApiError) as refused:
                await patient(client).auth_test()
            assert retry_after_s(refused.value) == 3600
            assert retry_after_s(ConnectionError()) is None

        with_client(slack, use)


def test_a_lost_call_is_repeated_unless_it_would_say_something_twice() -> None:
    with ScriptedSlack() as slack:
        slack.fail("auth.test", Failure(is_lost=True))
        slack.fail("chat.appendStream", Failure(is_lost=True))

        async def use(client: AsyncWebClient) -> None:
            await patient(client).auth_test()
            with pytest.raises(aiohttp.ServerDisconnectedError):
                await patient(client).chat_appendStream(channel="C1", ts="1.1", markdown_text="x")

        with_client(slack, use)
        assert (slack.count("auth.test"), slack.count("chat.appendStream")) == (2, 1)


def test_a_message_is_not_posted_again_where_slack_may_have_had_it() -> None:
    with ScriptedSlack() as slack:
        slack.fail("chat.postMessage", Failure(is_lost=True, is_done=True), limited(1))

        async def use(client: AsyncWebClient) -> None:
            with pytest.raises(aiohttp.ServerDisconnectedError):
                await patient(client).chat_postMessage(channel="C1", text="x")
            assert slack.count("chat.postMessage") == 1
            await patient(client).chat_postMessage(channel="C1", text="y")
            assert slack.count("chat.postMessage") == 3

        with_client(slack, use)
        assert [one.text for one in slack.messages.values()] == ["x", "y"]


def test_slack_is_asked_for_the_token_once_and_again_after_a_refusal() -> None:
    with ScriptedSlack() as slack:

        async def use(client: AsyncWebClient) -> None:
            token = BotToken(client)
            assert await token.is_good()
            assert await token.is_good()
            assert slack.count("auth.test") == 1
            token.doubt(TimeoutError())
            assert await token.is_good()
            assert slack.count("auth.test") == 1
            slack.refuse_token("account_inactive")
            with pytest.raises(SlackApiError) as refused:
                await client.chat_postMessage(channel="C1", text="x")
            token.doubt(refused.value)
            assert not await token.is_good()
            assert not await token.is_good()
            assert slack.count("auth.test") == 2

        with_client(slack, use)


def test_a_slack_that_takes_its_time_is_heard_all_the_same() -> None:
    with ScriptedSlack() as slack:
        slack.delay("auth.test", ASK_LIMIT_S + 1)

        async def use(client: AsyncWebClient) -> None:
            token = BotToken(client)
            assert not await token.is_good()
            assert await token.is_good()
            assert slack.count("auth.test") == 1
            await token.close()

        with_client(slack, use)
