"""Slack's events over HTTP."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, cast

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from corpus.errors import Misconfigured
from corpus.settings import Settings
from service.http.state import Parts
from service.parts import ServiceParts

if TYPE_CHECKING:
    from slack_bolt.adapter.fastapi.async_handler import AsyncSlackRequestHandler

router = APIRouter(include_in_schema=False)

# With these in the environment, Bolt would ask for installations instead of using the token.
_OF_OAUTH = {"SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET"}


def is_configured(settings: Settings) -> bool:
    """Whether there is a Slack app to answer for. Raises `Misconfigured`."""
    if not (settings.slack_bot_token and settings.slack_signing_secret):
        return False
    if found := sorted(_OF_OAUTH & set(os.environ)):
        raise Misconfigured(
            f"{' and '.join(found)} would take the place of SLACK_BOT_TOKEN.",
            hint="Unset them: the token and the signing secret are all that is needed.",
        )
    return True


@router.post("/slack/events")
async def slack_events(request: Request, parts: Parts) -> Response:
    """Events and interactions, as Slack sends them; what is not signed by it is refused (401).

    Acknowledged at once; the answer is written into the thread afterwards.
    """
    body = await request.body()
    if not await asyncio.to_thread(_is_signed, parts, body, dict(request.headers)):
        return PlainTextResponse("This is not signed by Slack.", status_code=401)
    if not hasattr(request.app.state, "slack"):
        request.app.state.slack = await asyncio.to_thread(_handler, parts)
    handler = cast("AsyncSlackRequestHandler", request.app.state.slack)
    return await handler.handle(request)


# Bolt and its HTTP client take half a second to load: imported only when used, and in a thread.


def _handler(parts: ServiceParts) -> AsyncSlackRequestHandler:
    from slack_bolt.adapter.fastapi.async_handler import AsyncSlackRequestHandler  # noqa: PLC0415

    from service.slack.app import create_slack_app  # noqa: PLC0415

    return AsyncSlackRequestHandler(create_slack_app(parts).bolt)


def _is_signed(parts: ServiceParts, body: bytes, headers: dict[str, str]) -> bool:
    """Looked at before anything is read of it: this address is open to everybody."""
    from slack_sdk.signature import SignatureVerifier  # noqa: PLC0415

    secret = parts.settings.slack_signing_secret
    if secret is None:
        return False
    try:
        verifier = SignatureVerifier(secret.get_secret_value())
        return verifier.is_valid_request(body, headers)
    except (ValueError, TypeError):  # a timestamp that is none, bytes that are no text
        return False
