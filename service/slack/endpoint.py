"""Slack's events over HTTP."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from corpus.settings import Settings
from service.http.state import Parts

router = APIRouter(include_in_schema=False)


def is_configured(settings: Settings) -> bool:
    """Whether there is a Slack app to answer for."""
    return bool(settings.slack_bot_token and settings.slack_signing_secret)


@router.post("/slack/events")
async def slack_events(request: Request, parts: Parts) -> Response:
    """Events and interactions, as Slack sends them; what is not signed by it is refused (401).

    Acknowledged at once; the answer is written into the thread afterwards.
    """
    # Imported only when used: Bolt and its HTTP client take half a second to load.
    from slack_bolt.adapter.fastapi.async_handler import AsyncSlackRequestHandler  # noqa: PLC0415

    from service.slack.bot import create_bot  # noqa: PLC0415

    if not hasattr(request.app.state, "slack"):
        request.app.state.slack = AsyncSlackRequestHandler(create_bot(parts))
    handler: AsyncSlackRequestHandler = request.app.state.slack
    return await handler.handle(request)
