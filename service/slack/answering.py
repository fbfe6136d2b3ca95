"""What is said to a question in a thread, and what is read of the files that come with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import Any
from weakref import WeakValueDictionary

from slack_sdk.web.async_client import AsyncWebClient

from corpus.access import Reader
from corpus.errors import ConversationNotFound
from corpus.registry.slack import SlackThread, conversation_of, remember_conversation
from corpus.registry.slack_channels import ChannelSettings
from service.answering.events import AnswerDone, TextPiece
from service.asking.answers import ask
from service.parts import ServiceParts
from service.slack.access import SlackAccess, acl_of_dropped
from service.slack.asked import Asked
from service.slack.calling import patient
from service.slack.commands import help_for
from service.slack.earlier import earlier_in
from service.slack.pace import Paces
from service.slack.questions import question_in, settings_for_asking
from service.slack.reading import ReadingFiles
from service.slack.replying import Reply
from service.slack.texts import ending_blocks, question_of, section, with_quoted
from service.slack.words import EMPTY, SHARED

MAX_FETCHING = 4  # files at once


class Answering:
    """Answers one message after the other in each thread; `places` bounds them over all threads.

    `start` begins what nobody waits for.
    """

    def __init__(
        self,
        parts: ServiceParts,
        access: SlackAccess,
        places: asyncio.Semaphore,
        paces: Paces,
        start: Callable[[Coroutine[Any, Any, object]], None],
    ) -> None:
        self._parts = parts
        self._access = access
        self._places = places
        self._paces = paces
        self._start = start
        self._fetching = asyncio.Semaphore(MAX_FETCHING)
        # Each question of a thread may go on from the last.
        self._turns: WeakValueDictionary[SlackThread, asyncio.Lock] = WeakValueDictionary()

    async def answer(self, asked: Asked, reply: Reply) -> None:
        """Read what came with the message, then answer it; raises asking's errors and Slack's."""
        if asked.is_shared:
            if not asked.has_late_files:  # else it was said before
                await reply.finish((), text=SHARED)
            return
        text = await self._access.named(patient(reply.client), asked.text)
        question = with_quoted(question_of(text), asked.quoted)
        if asked.files:
            is_answerable = await self._read_files(asked, reply.client)
            if not question or not is_answerable or asked.has_late_files:
                return
        if not question:
            await reply.finish((), text=EMPTY)
            return
        if asked.is_direct and question.lower() == "help":
            said = help_for()
            await reply.finish([section(said)], text=said)
            return
        turn = self._turns.setdefault(asked.thread, asyncio.Lock())
        async with turn, self._places:
            with self._paces.writing(reply):
                await self._answer(asked, question, reply)

    async def _answer(self, asked: Asked, text: str, reply: Reply) -> None:
        thread, url = asked.thread, self._parts.settings.public_url
        reader = await self._reader_of(asked, reply.client)
        conversation_id = await asyncio.to_thread(self._conversation, thread)
        here = await self._settings_in(thread, conversation_id)
        is_first = conversation_id is None
        past = await earlier_in(patient(reply.client), asked) if is_first else ()
        try:
            question = question_in(
                here,
                text,
                reader,
                conversation_id=conversation_id,
                is_private=asked.is_private,
                past=past,
            )
            begun = await ask(self._parts, question)
        except ConversationNotFound:  # it was deleted: the thread begins another
            here = await self._settings_in(thread)
            begun = await ask(
                self._parts, question_in(here, text, reader, is_private=asked.is_private)
            )
        async with aclosing(begun.events) as events:
            now = begun.prepared.dialogue.conversation_id
            if now is not None and now != conversation_id:
                await asyncio.to_thread(self._remember, thread, now)
            async for event in events:
                match event:
                    case TextPiece(said):
                        await reply.say(said)
                    case AnswerDone():
                        await reply.finish(ending_blocks(begun.answer_id, event, url))

    async def _read_files(self, asked: Asked, client: AsyncWebClient) -> bool:
        """Take in what was dropped, and tell how far it is; whether it can be asked about."""
        thread = asked.thread
        settings = await self._settings_in(thread)
        reading = ReadingFiles(
            self._parts,
            patient(client),
            thread.channel_id,
            thread.thread_ts,
            # A file for a channel is the channel's, whatever else its owner may read.
            await self._reader_of(asked, client),
            settings.collection,
            acl_of_dropped(thread.team_id, thread.channel_id, asked.user_id),
            self._fetching,
            self._paces.edits,
        )
        is_answerable = await reading.read(asked.files)
        if not reading.is_told:
            self._start(reading.tell_again())
        return is_answerable

    async def _settings_in(
        self, thread: SlackThread, conversation_id: str | None = None
    ) -> ChannelSettings:
        return await asyncio.to_thread(
            settings_for_asking, self._parts.registry, thread, conversation_id
        )

    def _conversation(self, thread: SlackThread) -> str | None:
        with self._parts.registry.read() as connection:
            return conversation_of(connection, thread)

    def _remember(self, thread: SlackThread, conversation_id: str) -> None:
        with self._parts.registry.write() as connection:
            remember_conversation(connection, thread, conversation_id)

    async def _reader_of(self, asked: Asked, client: AsyncWebClient) -> Reader:
        team_id, channel_id = asked.thread.team_id, asked.thread.channel_id
        if asked.is_alone:
            return await self._access.alone(client, team_id, channel_id, asked.user_id)
        return self._access.in_channel(team_id, channel_id)
