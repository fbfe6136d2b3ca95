"""The bot: answering what it is asked, where it is asked."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing, suppress
from typing import Any
from weakref import WeakValueDictionary

from slack_sdk.web.async_client import AsyncWebClient

from corpus.access import UNRESTRICTED, Reader
from corpus.errors import ConversationNotFound, LecternError, SourcesChanged, unforeseen
from corpus.registry.slack import (
    SlackThread,
    conversation_of,
    remember_conversation,
    take_event,
    take_part,
    takes_part,
)
from corpus.registry.turns import find_turn, rate_answer
from corpus.turns import Rating
from service.answering.events import AnswerDone, Degraded, TextPiece
from service.asking.answers import ask
from service.asking.question import Question
from service.parts import ServiceParts
from service.slack.access import reader_alone, reader_in_channel
from service.slack.asked import Asked
from service.slack.replying import SLACK_ERRORS, Reply, reason_of
from service.slack.texts import (
    escaped,
    feedback_blocks,
    note_blocks,
    question_of,
    source_blocks,
)

log = logging.getLogger("lectern.slack")

# Answers that are on their way at once; further questions wait, at most so many.
MAX_AT_ONCE = 20
MAX_WAITING = 500
LAST_WORD_S = 3.0

EMPTY = "Ask me something about your documents."
BUSY = "Too many questions are waiting here. Ask again in a minute."
ENDS = "The service is being restarted. Ask again in a minute."
INTERRUPTED = "The language model broke off before the answer was complete."
NOT_TAKEN = "Slack did not take all of this answer. Ask again."
SHARED = (
    "This channel is shared with another organisation, and my documents are yours: ask me in a "
    "direct message, or in a channel of your own."
)


class Bot:
    """Answers in threads, and keeps what people think of the answers."""

    def __init__(self, parts: ServiceParts) -> None:
        self._parts = parts
        self._places = asyncio.Semaphore(MAX_AT_ONCE)
        self._waiting = 0
        # Questions of one thread are answered one after the other: each may go on from the last.
        self._turns: WeakValueDictionary[SlackThread, asyncio.Lock] = WeakValueDictionary()

    async def answer(self, asked: Asked, client: AsyncWebClient) -> None:
        """Answer in the thread, once; whatever goes wrong is said there."""
        thread = asked.thread
        reply = Reply(client, thread.channel_id, thread.thread_ts, asked.team_id, asked.user_id)
        reply.is_expected = asked.is_direct
        try:
            await self._answer_once(asked, reply)
        except asyncio.CancelledError:
            # The service ends: nobody shall wait for more.
            await self._last_word(reply, ENDS)
            raise
        except SourcesChanged as error:
            with suppress(*SLACK_ERRORS):
                await reply.withdraw(f"{error.detail} Ask again.")
        except LecternError as error:
            await self._last_word(reply, f"{error.detail} {error.hint}".strip())
        except SLACK_ERRORS as error:
            log.warning("Slack refused an answer: %s", reason_of(error))
            await self._last_word(reply, NOT_TAKEN)
        except Exception:
            log.exception("the answer to %s in Slack failed", asked.event_id)
            unknown = unforeseen(asked.event_id)
            await self._last_word(reply, f"{unknown.detail} {unknown.hint}".strip())

    async def _answer_once(self, asked: Asked, reply: Reply) -> None:
        if self._waiting >= MAX_WAITING:
            if asked.is_direct:
                await reply.finish((), text=BUSY)
            return
        self._waiting += 1
        try:
            if await asyncio.to_thread(self._take, asked):
                reply.is_expected = True
                await self._answer_in_turn(asked, reply)
        finally:
            self._waiting -= 1

    async def _answer_in_turn(self, asked: Asked, reply: Reply) -> None:
        if asked.is_shared:
            await reply.finish((), text=SHARED)
            return
        question = question_of(asked.text)
        if not question:
            await reply.finish((), text=EMPTY)
            return
        turn = self._turns.setdefault(asked.thread, asyncio.Lock())
        async with turn, self._places:
            await self._answer(asked, question, reply)

    async def _answer(self, asked: Asked, text: str, reply: Reply) -> None:
        thread, reader = asked.thread, _reader_of(asked)
        conversation_id = await asyncio.to_thread(self._conversation, thread)
        try:
            question = Question(text, None, reader, conversation_id=conversation_id)
            begun = await ask(self._parts, question)
        except ConversationNotFound:  # it was deleted: the thread begins another
            begun = await ask(self._parts, Question(text, None, reader))
        async with aclosing(begun.events) as events:
            now = begun.prepared.dialogue.conversation_id
            if now is not None and now != conversation_id:
                await asyncio.to_thread(self._remember, thread, now)
            async for event in events:
                match event:
                    case TextPiece(said):
                        await reply.say(said)
                    case AnswerDone():
                        await reply.finish(self._ending(begun.answer_id, event))

    def _ending(self, answer_id: str, done: AnswerDone) -> list[dict[str, Any]]:
        url = self._parts.settings.public_url
        blocks = source_blocks(done.citations, url)
        if done.state == "not_in_documents":
            blocks = source_blocks(done.nearest, url, heading="The closest passages")
        blocks += note_blocks(done.degraded, len(done.unsupported))
        if Degraded.LLM_INTERRUPTED in done.degraded:
            blocks.append(_warning(INTERRUPTED))
        return [*blocks, *feedback_blocks(answer_id)]

    async def _last_word(self, reply: Reply, text: str) -> None:
        """Say why there is no more, within a moment and without a failure of its own."""
        if not reply.is_expected:
            return
        with suppress(Exception):
            async with asyncio.timeout(LAST_WORD_S):
                await reply.finish([_warning(text)], text=text)

    async def rate(self, value: str) -> None:
        """Keep what somebody thinks of an answer; a comment from elsewhere stays."""
        rating, _, answer_id = value.partition(" ")
        if rating not in {"up", "down"}:
            return

        def keep() -> None:
            with self._parts.registry.write() as connection:
                comment = find_turn(connection, answer_id, UNRESTRICTED).comment
                said: Rating = "up" if rating == "up" else "down"
                rate_answer(connection, answer_id, said, comment, UNRESTRICTED)

        try:
            await asyncio.to_thread(keep)
        except LecternError as error:
            log.info("a rating was not kept: %s", error.detail)

    def _take(self, asked: Asked) -> bool:
        """Whether the message is for this bot, and for this replica of it."""
        thread = asked.thread
        # By the message, not the event: a mention in a thread comes as two events.
        named = f"{thread.team_id}/{thread.channel_id}/{asked.ts}"
        with self._parts.registry.write() as connection:
            if not asked.is_direct and not takes_part(connection, thread):
                return False
            if not take_event(connection, named):
                return False
            take_part(connection, thread)
            return True

    def _conversation(self, thread: SlackThread) -> str | None:
        with self._parts.registry.read() as connection:
            return conversation_of(connection, thread)

    def _remember(self, thread: SlackThread, conversation_id: str) -> None:
        with self._parts.registry.write() as connection:
            remember_conversation(connection, thread, conversation_id)


def _warning(text: str) -> dict[str, Any]:
    said = {"type": "mrkdwn", "text": f":warning: {escaped(text)}"}
    return {"type": "context", "elements": [said]}


def _reader_of(asked: Asked) -> Reader:
    thread = asked.thread
    if asked.is_private:
        return reader_alone(asked.team_id, asked.user_id)
    return reader_in_channel(thread.team_id, thread.channel_id)
