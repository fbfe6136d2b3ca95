"""The Bolt application: which listener gets what Slack sends, over HTTP and over sockets alike."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncApp
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncRateLimitErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.web.async_client import AsyncWebClient

from corpus.registry.slack import Abandoned
from corpus.settings import Settings
from service.parts import ServiceParts
from service.slack.access import SlackAccess
from service.slack.asked import asked_in, is_late_edit, place_in
from service.slack.assistant import Assistant
from service.slack.bot import Bot
from service.slack.bot_token import BotToken
from service.slack.buttons import Buttons
from service.slack.calling import API_TIMEOUT_S, open_session
from service.slack.commands import command_in
from service.slack.holding import Holding
from service.slack.texts import FEEDBACK_ACTION, QUOTES_ACTION
from service.slack.words import NOT_OURS

RATE_LIMIT_TRIES = 3
MESSAGES = frozenset({"app_mention", "message"})
# Slack's checks of the address: no token is needed to answer them.
CHECKS = frozenset({"url_verification", "ssl_check"})

Next: TypeAlias = Callable[[], Awaitable[Any]]
First: TypeAlias = Callable[[dict[str, Any], Next], Awaitable[BoltResponse | None]]


@dataclass(frozen=True, slots=True)
class SlackApp:
    """What listens to Slack, and what answers; close it in the end."""

    bolt: AsyncApp
    bot: Bot
    token: BotToken
    holding: Holding

    @property
    def client(self) -> AsyncWebClient:
        """For calls of Slack's Web API, on one session."""
        return self.bolt.client

    async def keep_in_hand(self) -> None:
        """Until it is cancelled: what is being answered, and what others left behind."""

        async def tell(left: Abandoned) -> bool:
            return await self.bot.tell_interrupted(left, self.client)

        await self.holding.keep(tell, self.bot.stop_here)

    async def close(self) -> None:
        """Have threads told that the service ends, and close the session."""
        await self.bot.close()
        await self.token.close()
        if self.client.session is not None:
            await self.client.session.close()


def create_slack_app(parts: ServiceParts) -> SlackApp:
    """The application for the settings' token, inside a running event loop.

    Requests are verified before it has them.
    """

    async def first(body: dict[str, Any], next_: Next) -> BoltResponse | None:
        return await _received(slack, body, next_)

    bolt = _bolt(parts.settings, first)
    token = BotToken(bolt.client)
    holding = Holding(parts.registry)
    access = SlackAccess(parts.settings, token)
    bot = Bot(parts, token, holding, access)
    slack = SlackApp(bolt, bot, token, holding)
    _listen_to_buttons(bolt, Buttons(parts, token, access))
    _listen_to_commands(bolt, bot, token)
    _listen_to_assistant(bolt, Assistant(parts, token, access))
    _listen_to_stops(bolt, bot)
    _listen_to_the_rest(bolt)
    return slack


async def _received(slack: SlackApp, body: dict[str, Any], next_: Next) -> BoltResponse | None:
    """Messages are taken here, before they are acknowledged; the rest goes on to its listener.

    What cannot be taken, or not answered, is refused (503), so that Slack sends it again.
    """
    if body.get("type") in CHECKS or "ssl_check" in body:
        await next_()
        return None
    if not await slack.token.is_good():
        return BoltResponse(status=503, body="Slack does not take the bot's token.")
    event = body.get("event") or {}
    if event.get("type") not in MESSAGES:
        await next_()
        return None
    asked = None if is_late_edit(event, time.time()) else asked_in(body)
    if asked is None or await slack.bot.receive(asked, slack.client):
        return BoltResponse(status=200, body="")
    return BoltResponse(status=503, body="The message was not taken yet.")


def _listen_to_buttons(bolt: AsyncApp, buttons: Buttons) -> None:
    async def on_feedback(
        ack: Any,  # noqa: ANN401  Bolt's
        body: dict[str, Any],
        client: AsyncWebClient,
    ) -> None:
        await ack()
        await buttons.rate(body["actions"][0].get("value", ""), place_in(body), client)

    async def on_quotes(
        ack: Any,  # noqa: ANN401  Bolt's
        body: dict[str, Any],
        client: AsyncWebClient,
    ) -> None:
        await ack()
        await buttons.show_quotes(body["actions"][0].get("value", ""), place_in(body), client)

    bolt.action(FEEDBACK_ACTION)(on_feedback)
    bolt.action(QUOTES_ACTION)(on_quotes)


def _listen_to_commands(bolt: AsyncApp, bot: Bot, token: BotToken) -> None:
    async def on_command(
        ack: Any,  # noqa: ANN401  Bolt's
        body: dict[str, Any],
        client: AsyncWebClient,
    ) -> None:
        if not token.is_ours(body.get("team_id") or "", body.get("enterprise_id") or ""):
            await ack(text=NOT_OURS)
            return
        refusal = bot.respond(command_in(body), client)
        await (ack() if refusal is None else ack(text=refusal))

    # Whatever its name is in the manifest: another app may have /lectern already.
    bolt.command(re.compile("^/"))(on_command)


def _listen_to_assistant(bolt: AsyncApp, assistant: Assistant) -> None:
    async def on_opened(body: dict[str, Any], client: AsyncWebClient) -> None:
        await assistant.suggest(body, client)

    async def on_pane_opened(body: dict[str, Any], client: AsyncWebClient) -> None:
        await assistant.greet(body, client)

    bolt.event("app_home_opened")(on_opened)
    bolt.event("assistant_thread_started")(on_pane_opened)


def _listen_to_stops(bolt: AsyncApp, bot: Bot) -> None:
    async def on_stopped(body: dict[str, Any], client: AsyncWebClient) -> None:
        await bot.stop(body, client)

    bolt.event("agent_session_stopped")(on_stopped)


def _listen_to_the_rest(bolt: AsyncApp) -> None:
    """Whatever else the app is subscribed to changes nothing; the first that fits has an event.

    Not acknowledged, it would come again, and again.
    """

    async def on_event() -> None:
        """Where somebody looks meanwhile, what they call a thread."""

    bolt.event(re.compile(""))(on_event)


def _bolt(settings: Settings, first: First) -> AsyncApp:
    token = settings.slack_bot_token
    bolt = AsyncApp(
        name="lectern",
        # With a client of ours, Bolt would warn of the token that it finds in the environment.
        token=token.get_secret_value() if token else None,
        signing_secret="verified before",  # noqa: S106 - not used
        request_verification_enabled=False,
        before_authorize=first,
    )
    client = bolt.client
    client.base_url = settings.slack_api_url.rstrip("/") + "/"
    client.timeout = int(API_TIMEOUT_S)
    client.session = open_session()
    client.retry_handlers += [
        AsyncRateLimitErrorRetryHandler(max_retry_count=RATE_LIMIT_TRIES),
        AsyncServerErrorRetryHandler(),
    ]
    return bolt
