"""The Bolt application: which listener gets what Slack sends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncRateLimitErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.web.async_client import AsyncWebClient

from corpus.settings import Settings
from service.parts import ServiceParts
from service.slack.asked import asked_in
from service.slack.bot import Bot
from service.slack.texts import FEEDBACK_ACTION

API_TIMEOUT_S = 15
RATE_LIMIT_TRIES = 3


@dataclass(frozen=True, slots=True)
class SlackApp:
    """What listens to Slack, and what answers."""

    bolt: AsyncApp
    bot: Bot


def create_slack_app(parts: ServiceParts) -> SlackApp:
    """The application for the settings' token; requests are verified before it has them."""
    bolt = AsyncApp(
        client=_client(parts.settings),
        signing_secret="verified before",  # noqa: S106 - not used
        request_verification_enabled=False,
    )
    bot = Bot(parts)
    _listen_to_messages(bolt, bot)
    _listen_to_buttons(bolt, bot)
    return SlackApp(bolt, bot)


def _listen_to_messages(bolt: AsyncApp, bot: Bot) -> None:
    async def on_message(body: dict[str, Any], client: AsyncWebClient) -> None:
        asked = asked_in(body)
        if asked is not None:
            await bot.answer(asked, client)

    bolt.event("app_mention")(on_message)
    bolt.event("message")(on_message)


def _listen_to_buttons(bolt: AsyncApp, bot: Bot) -> None:
    async def on_feedback(ack: Any, body: dict[str, Any]) -> None:  # noqa: ANN401  Bolt's
        await ack()
        await bot.rate(body["actions"][0].get("value", ""))

    bolt.action(FEEDBACK_ACTION)(on_feedback)


def _client(settings: Settings) -> AsyncWebClient:
    token = settings.slack_bot_token
    client = AsyncWebClient(
        token=token.get_secret_value() if token else None,
        base_url=settings.slack_api_url,
        timeout=API_TIMEOUT_S,
    )
    client.retry_handlers += [
        AsyncRateLimitErrorRetryHandler(max_retry_count=RATE_LIMIT_TRIES),
        AsyncServerErrorRetryHandler(),
    ]
    return client
