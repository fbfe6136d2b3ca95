"""What was said in a thread before the bot was asked there: what a question is understood by.

It is evidence of nothing. It is kept nowhere, and neither is the question as it was understood by
it; what a model answered is.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from service.conversations.past import PastTurn
from service.slack.asides import is_aside
from service.slack.asked import SUBTYPES, Asked, quoted_in
from service.slack.calling import SLACK_ERRORS, reason_of
from service.slack.texts import question_of, with_quoted

log = logging.getLogger("lectern.slack")

MAX_MESSAGES = 10
MAX_CHARS = 4_000
MAX_MESSAGE_CHARS = 600
# Slack tells of a thread from its beginning, so much at once; the end of a longer one is not read.
PAGE = 200
# A question can be asked without.
LIMIT_S = 3.0


async def earlier_in(client: AsyncWebClient, asked: Asked) -> tuple[PastTurn, ...]:
    """The last messages of the thread before this one, first to last; none where Slack is away."""
    thread = asked.thread
    if asked.is_alone or thread.thread_ts == asked.ts:
        return ()
    try:
        async with asyncio.timeout(LIMIT_S):
            told = await client.conversations_replies(
                channel=thread.channel_id,
                ts=thread.thread_ts,
                latest=asked.ts,
                inclusive=False,
                limit=PAGE,
            )
    except SLACK_ERRORS as error:
        # A refusal stays until somebody mends it: a scope, or a place in the channel, is missing.
        level = logging.INFO if isinstance(error, TimeoutError) else logging.WARNING
        log.log(level, "a question is asked without the thread before it: %s", reason_of(error))
        return ()
    messages = sorted(told.get("messages") or (), key=lambda one: float(one["ts"]))
    if told.get("has_more"):
        messages = messages[:1]
    return _bounded([said for one in messages if (said := _said(one, asked))])


def _said(message: dict[str, Any], asked: Asked) -> str:
    """What somebody else than the bot says; what that said is the conversation's, if anybody's."""
    is_before = float(message["ts"]) < float(asked.ts)
    is_ours = message.get("user") in asked.our_ids
    if not is_before or is_ours or message.get("subtype") not in {*SUBTYPES, "bot_message"}:
        return ""
    said = with_quoted(question_of(message.get("text") or ""), quoted_in(message))
    return "" if is_aside(said) else said[:MAX_MESSAGE_CHARS]


def _bounded(said: list[str]) -> tuple[PastTurn, ...]:
    kept: list[PastTurn] = []
    room = MAX_CHARS
    for text in reversed(said[-MAX_MESSAGES:]):
        room -= len(text)
        if room < 0:
            break
        kept.append(PastTurn(text, text, answer=""))
    return tuple(reversed(kept))
