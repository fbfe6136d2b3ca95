"""Whether `lectern slack` has what it takes, before it starts."""

from __future__ import annotations

import asyncio
import logging

from slack_sdk.web.async_client import AsyncWebClient

from corpus.errors import Misconfigured
from corpus.settings import Settings
from service.slack.calling import REFUSALS, SLACK_ERRORS, open_session, reason_of
from service.slack.serving import refuse_oauth

log = logging.getLogger("lectern.slack")

LIMIT_S = 10.0

_OF_APP_TOKEN = {
    "not_allowed_token_type": "SLACK_APP_TOKEN has to be an app-level token (xapp-...).",
    "missing_scope": "The app-level token needs the scope connections:write.",
    "link_disabled": "Switch Socket Mode on, in the app's settings.",
    "socket_mode_not_enabled": "Switch Socket Mode on, in the app's settings.",
} | dict.fromkeys(
    REFUSALS,
    "Slack refuses SLACK_APP_TOKEN. Make one under Basic Information, App-Level Tokens, with the "
    "scope connections:write.",
)


def hint_for_app_token(reason: str) -> str:
    """What to do about Slack's refusal to connect, after a full stop; empty where it may pass."""
    return f". {_OF_APP_TOKEN[reason]}" if reason in _OF_APP_TOKEN else ""


def check_socket_mode(settings: Settings) -> None:
    """Raise `Misconfigured` where a token is missing, or Slack refuses it.

    Where Slack cannot be reached, there is only a line in the log: it may come back.
    """
    missing = [
        name
        for name, token in (
            ("SLACK_BOT_TOKEN", settings.slack_bot_token),
            ("SLACK_APP_TOKEN", settings.slack_app_token),
        )
        if token is None
    ]
    if missing:
        raise Misconfigured(
            f"`lectern slack` needs {' and '.join(missing)}.",
            hint="docs/slack.md says where Slack shows them; `lectern serve` needs neither.",
        )
    refuse_oauth()
    asyncio.run(_ask_slack(settings))


async def _ask_slack(settings: Settings) -> None:
    assert settings.slack_bot_token and settings.slack_app_token  # noqa: PT018, S101
    async with open_session() as session:
        client = AsyncWebClient(base_url=settings.slack_api_url, session=session)
        try:
            async with asyncio.timeout(LIMIT_S):
                await client.auth_test(token=settings.slack_bot_token.get_secret_value())
        except SLACK_ERRORS as error:
            _judge(error, "SLACK_BOT_TOKEN", "It is under OAuth & Permissions, xoxb-...")
        try:
            async with asyncio.timeout(LIMIT_S):
                await client.apps_connections_open(
                    app_token=settings.slack_app_token.get_secret_value()
                )
        except SLACK_ERRORS as error:
            _judge(error, "SLACK_APP_TOKEN", hint_for_app_token(reason_of(error))[2:])


def _judge(error: BaseException, name: str, hint: str) -> None:
    reason = reason_of(error)
    if reason in REFUSALS or reason in _OF_APP_TOKEN:
        raise Misconfigured(f"Slack refuses {name}: {reason}.", hint=hint) from error
    log.warning("Slack was not reached (%s); it is tried again", reason)
