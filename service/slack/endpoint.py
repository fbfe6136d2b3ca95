"""Slack's events over HTTP."""

from __future__ import annotations

import asyncio
from typing import cast

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from service.http.state import Parts
from service.parts import ServiceParts
from service.slack.serving import SlackService

router = APIRouter(include_in_schema=False)


@router.post("/slack/events")
async def slack_events(request: Request, parts: Parts) -> Response:
    """Events and interactions, as Slack sends them; what is not signed by it is refused (401).

    Acknowledged once the registry has them, within three seconds; the answer is written into the
    thread afterwards. 503: Slack shall send it again.
    """
    body = await request.body()
    if not await asyncio.to_thread(_is_signed, parts, body, dict(request.headers)):
        return PlainTextResponse("This is not signed by Slack.", status_code=401)
    from slack_bolt.adapter.fastapi.async_handler import AsyncSlackRequestHandler  # noqa: PLC0415

    slack = await cast("SlackService", request.app.state.slack).app()
    return await AsyncSlackRequestHandler(slack.bolt).handle(request)


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
