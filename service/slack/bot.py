"""The bot: which messages are for it, and answering them."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from corpus.errors import ConversationNotFound, LecternError, unforeseen
from corpus.registry.slack import SlackThread, conversation_of, remember_conversation, take_event
from corpus.registry.turns import rate_answer
from corpus.settings import Settings
from service.answering.events import AnswerDone, Degraded, TextPiece
from service.asking.answers import ask
from service.asking.question import Question
from service.parts import ServiceParts
from service.slack.replying import Reply
from service.slack.texts import (
    FEEDBACK_ACTION,
    escaped,
    feedback_blocks,
    note_blocks,
    question_of,
    source_blocks,
)

log = logging.getLogger("lectern.slack")

API_TIMEOUT_S = 15
RATE_LIMIT_TRIES = 3
# Answers that are on their way at once; further questions wait, at most so many.
MAX_AT_ONCE = 20
MAX_WAITING = 500
BUSY = "Too many questions are waiting here. Ask again in a minute."
ENDS = "The service is being restarted. Ask again in a minute."
LAST_WORD_S = 3.0
INTERRUPTED = "The language model broke off before the answer was complete."


@dataclass(frozen=True, slots=True)
class Asked:
    """A message that the bot is to answer."""

    event_id: str
    ts: str
    thread: SlackThread
    user_id: str
    text: str
    is_mention: bool


def create_bot(parts: ServiceParts) -> AsyncApp:
    """The Bolt application; it needs the token and the signing secret of the settings."""
    app = AsyncApp(client=_client(parts.settings), signing_secret=_secret(parts.settings))
    bot = _Bot(parts)

    async def on_message(body: dict[str, Any], client: AsyncWebClient) -> None:
        asked = asked_in(body)
        if asked is not None:
            await bot.answer(asked, client)

    app.event("app_mention")(on_message)
    app.event("message")(on_message)

    async def on_feedback(ack: Any, body: dict[str, Any]) -> None:  # noqa: ANN401  Bolt's
        await ack()
        await bot.rate(body["actions"][0].get("value", ""))

    app.action(FEEDBACK_ACTION)(on_feedback)
    return app


def _client(settings: Settings) -> AsyncWebClient:
    token = settings.slack_bot_token
    client = AsyncWebClient(
        token=token.get_secret_value() if token else None,
        base_url=settings.slack_api_url,
        timeout=API_TIMEOUT_S,
    )
    client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=RATE_LIMIT_TRIES))
    return client


def _secret(settings: Settings) -> str:
    secret = settings.slack_signing_secret
    return secret.get_secret_value() if secret else ""


def asked_in(body: dict[str, Any]) -> Asked | None:
    """The message of an event, if it is one that somebody wrote, with words.

    None for what bots wrote (this one too), for edits and deletions, and for joins and the like.
    """
    event = body.get("event", {})
    is_mention = event.get("type") == "app_mention"
    if event.get("bot_id") or event.get("subtype") or not event.get("user"):
        return None
    if event.get("user") in {one.get("user_id") for one in body.get("authorizations", ())}:
        return None
    in_channel = event.get("channel_type") != "im"
    if not is_mention and in_channel and not event.get("thread_ts"):
        return None
    return Asked(
        event_id=body.get("event_id", ""),
        ts=event["ts"],
        thread=SlackThread(
            team_id=body.get("team_id", ""),
            channel_id=event["channel"],
            thread_ts=event.get("thread_ts") or event["ts"],
        ),
        user_id=event["user"],
        text=event.get("text", ""),
        # A direct message is meant for whom it is sent to.
        is_mention=is_mention or not in_channel,
    )


class _Bot:
    def __init__(self, parts: ServiceParts) -> None:
        self._parts = parts
        self._places = asyncio.Semaphore(MAX_AT_ONCE)
        self._waiting = 0

    async def answer(self, asked: Asked, client: AsyncWebClient) -> None:
        """Answer in the thread, once; whatever goes wrong is said there."""
        thread = asked.thread
        conversation_id = await asyncio.to_thread(self._conversation, thread)
        if not asked.is_mention and conversation_id is None:
            return  # somebody else's thread
        if not await asyncio.to_thread(self._take, asked):
            return
        if self._waiting >= MAX_WAITING:
            await self._say(client, thread, BUSY)
            return
        self._waiting += 1
        try:
            await self._answer_in_turn(asked, conversation_id, client)
        finally:
            self._waiting -= 1

    async def _answer_in_turn(
        self, asked: Asked, conversation_id: str | None, client: AsyncWebClient
    ) -> None:
        thread, question = asked.thread, question_of(asked.text)
        async with self._places:
            try:
                if not question:
                    await self._say(client, thread, "Ask me something about your documents.")
                    return
                await self._answer(asked, question, conversation_id, client)
            except LecternError as error:
                await self._say(client, thread, f"{error.detail} {error.hint}".strip())
            except SlackApiError as error:
                # Nothing can be said where Slack takes nothing.
                log.warning("Slack refused an answer: %s", error.response.get("error"))
            except Exception:
                log.exception("an answer in Slack failed")
                await self._say(client, thread, unforeseen(asked.event_id).detail)

    async def _answer(
        self, asked: Asked, text: str, conversation_id: str | None, client: AsyncWebClient
    ) -> None:
        try:
            begun = await ask(self._parts, Question(text, None, conversation_id=conversation_id))
        except ConversationNotFound:  # it was deleted: the thread begins another
            begun = await ask(self._parts, Question(text, None))
        now = begun.prepared.dialogue.conversation_id
        if now is not None and now != conversation_id:
            await asyncio.to_thread(self._remember, asked.thread, now)
        thread = asked.thread
        reply = Reply(client, thread.channel_id, thread.thread_ts, thread.team_id, asked.user_id)
        try:
            async with aclosing(begun.events) as events:
                async for event in events:
                    match event:
                        case TextPiece(said):
                            await reply.say(said)
                        case AnswerDone():
                            await reply.finish(self._ending(begun.answer_id, event))
        except asyncio.CancelledError:
            # The service ends: what is there must not look as if more were to come.
            async with asyncio.timeout(LAST_WORD_S):
                await reply.finish([_warning(ENDS)])
            raise
        except LecternError as error:
            if not reply.has_begun:
                raise
            await reply.finish([_warning(f"{error.detail} {error.hint}".strip())])

    def _ending(self, answer_id: str, done: AnswerDone) -> list[dict[str, Any]]:
        url = self._parts.settings.public_url
        blocks = source_blocks(done.citations, url)
        if done.state == "not_in_documents":
            blocks = source_blocks(done.nearest, url, heading="The closest passages")
        blocks += note_blocks(done.degraded, len(done.unsupported))
        if Degraded.LLM_INTERRUPTED in done.degraded:
            blocks.append(_warning(INTERRUPTED))
        return [*blocks, *feedback_blocks(answer_id)]

    async def rate(self, value: str) -> None:
        """Keep what somebody thinks of an answer."""
        rating, _, answer_id = value.partition(" ")
        if rating not in {"up", "down"}:
            return

        def keep() -> None:
            with self._parts.registry.write() as connection:
                rate_answer(connection, answer_id, "up" if rating == "up" else "down", None)

        try:
            await asyncio.to_thread(keep)
        except LecternError as error:
            log.info("a rating was not kept: %s", error.detail)

    def _conversation(self, thread: SlackThread) -> str | None:
        with self._parts.registry.read() as connection:
            return conversation_of(connection, thread)

    def _take(self, asked: Asked) -> bool:
        # By the message, not the event: a mention in a thread comes as two events.
        named = f"{asked.thread.team_id}/{asked.thread.channel_id}/{asked.ts}"
        with self._parts.registry.write() as connection:
            return take_event(connection, named)

    def _remember(self, thread: SlackThread, conversation_id: str) -> None:
        with self._parts.registry.write() as connection:
            remember_conversation(connection, thread, conversation_id)

    async def _say(self, client: AsyncWebClient, thread: SlackThread, text: str) -> None:
        try:
            await client.chat_postMessage(
                channel=thread.channel_id, thread_ts=thread.thread_ts, text=escaped(text)
            )
        except SlackApiError as error:
            log.warning("Slack refused a message: %s", error.response.get("error"))


def _warning(text: str) -> dict[str, Any]:
    said = {"type": "mrkdwn", "text": f":warning: {escaped(text)}"}
    return {"type": "context", "elements": [said]}
