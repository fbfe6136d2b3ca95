"""Where people write to the bot alone: questions to begin with are proposed there.

An app with `agent_view` has them at the top of its messages, one with the older `assistant_view` in
the thread that each opening of its pane begins.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from corpus.access import Reader
from corpus.errors import LecternError
from service.asking.question import DEFAULT_COLLECTION
from service.asking.related import lately_asked
from service.parts import ServiceParts
from service.slack.access import SlackAccess
from service.slack.bot_token import BotToken
from service.slack.calling import SLACK_ERRORS, patient, reason_of
from service.slack.questions import settings_here
from service.slack.taking import take_once
from service.slack.texts import escaped

log = logging.getLogger("lectern.slack")

MAX_PROMPTS = 4
MAX_PROMPT_CHARS = 300
MAX_TITLE_CHARS = 70

GREETING = (
    "Ask me something about your documents, or drop a file here: I read it, and it is there for "
    "you alone."
)


class Assistant:
    """Proposes what was asked lately and holds; what is written there comes as direct messages."""

    def __init__(self, parts: ServiceParts, token: BotToken, access: SlackAccess) -> None:
        self._parts = parts
        self._token = token
        self._access = access

    async def suggest(self, body: dict[str, Any], client: AsyncWebClient) -> None:
        """Propose questions to whoever of ours opens the app's messages (`app_home_opened`).

        It comes at every opening, so nobody is greeted; what is proposed takes the place of what
        was.
        """
        opened = body["event"]
        if opened.get("tab") != "messages" or not self._is_ours(body):
            return
        try:
            await self._suggest(
                patient(client), body.get("team_id") or "", opened["channel"], opened["user"]
            )
        except LecternError as error:
            log.warning("nothing is proposed in Slack: %s", error.detail)
        except SLACK_ERRORS as error:
            log.info("Slack did not take what is proposed: %s", reason_of(error))

    async def greet(self, body: dict[str, Any], client: AsyncWebClient) -> None:
        """Say to ours what can be done here, and propose questions (`assistant_thread_started`)."""
        opened = body["event"]["assistant_thread"]
        channel, thread_ts = opened["channel_id"], opened["thread_ts"]
        client = patient(client)
        if not self._is_ours(body):
            return
        try:
            event_id = body.get("event_id") or thread_ts
            if not await asyncio.to_thread(take_once, self._parts.registry, event_id):
                return  # Slack sends it again
            await client.chat_postMessage(channel=channel, thread_ts=thread_ts, text=GREETING)
            await self._suggest(
                client, body.get("team_id") or "", channel, opened["user_id"], thread_ts
            )
        except LecternError as error:
            log.warning("nothing is proposed in Slack: %s", error.detail)
        except SLACK_ERRORS as error:
            log.warning("Slack did not take the greeting of its pane: %s", reason_of(error))

    async def _suggest(
        self,
        client: AsyncWebClient,
        team_id: str,
        channel: str,
        user_id: str,
        thread_ts: str | None = None,
    ) -> None:
        """With a thread nothing is shown in an app with `agent_view`, and Slack does not say so."""
        reader = await self._access.alone(client, team_id, channel, user_id)
        questions = await asyncio.to_thread(self._questions, team_id, channel, reader)
        if not questions:
            return
        await client.assistant_threads_setSuggestedPrompts(
            channel_id=channel,
            thread_ts=thread_ts,
            title="Asked lately",
            prompts=[
                {
                    "title": escaped(one[:MAX_TITLE_CHARS]),
                    "message": escaped(one[:MAX_PROMPT_CHARS]),
                }
                for one in questions
            ],
        )

    def _questions(self, team_id: str, channel_id: str, reader: Reader) -> list[str]:
        here = settings_here(self._parts.registry, team_id, channel_id)
        collection = here.collection or DEFAULT_COLLECTION
        if not reader.knows(collection):
            return []
        return lately_asked(self._parts.registry, collection, reader, limit=MAX_PROMPTS)

    def _is_ours(self, body: dict[str, Any]) -> bool:
        """Whether it happened in a workspace of ours, and among its own people."""
        team_id, enterprise_id = body.get("team_id") or "", body.get("enterprise_id") or ""
        return not body.get("is_ext_shared_channel") and self._token.is_ours(team_id, enterprise_id)
