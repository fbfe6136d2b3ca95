"""The address that Slack gives with a command or a press, which takes what is said to it.

Five messages within half an hour, to places where the bot may not write, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from service.slack.calling import API_TIMEOUT_S


async def respond(
    client: AsyncWebClient,
    address: str,
    blocks: Sequence[dict[str, Any]],
    text: str,
    *,
    to_all: bool = False,
    thread_ts: str = "",
) -> int:
    """Say it to one person, or `to_all` in the channel; the HTTP status, 200 where it is shown.

    Where Slack refuses the blocks, the text alone. Raises `SLACK_ERRORS` but for a status.
    """
    hook = AsyncWebhookClient(
        address,
        timeout=int(API_TIMEOUT_S),
        session=client.session,
        retry_handlers=client.retry_handlers,
    )
    said = {
        "text": text,
        "response_type": "in_channel" if to_all else "ephemeral",
        "replace_original": False,
        "unfurl_links": False,
        "unfurl_media": False,
    } | ({"thread_ts": thread_ts} if thread_ts else {})
    reply = await hook.send_dict(said | {"blocks": list(blocks)})
    if reply.status_code != 200:
        reply = await hook.send_dict(said)
    return reply.status_code
