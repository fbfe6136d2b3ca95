"""The bot: answering what it is asked, where it is asked."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Collection, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from corpus.errors import LecternError, SourcesChanged, unforeseen
from corpus.registry.slack import Abandoned
from service.parts import ServiceParts
from service.slack.access import SlackAccess
from service.slack.answering import Answering
from service.slack.asked import Asked
from service.slack.bot_token import BotToken
from service.slack.calling import (
    HOPELESS,
    LAST_WORD_S,
    REFUSALS,
    SLACK_ERRORS,
    patient,
    reason_of,
    retry_after_s,
)
from service.slack.commands import SlashCommand
from service.slack.holding import Holding
from service.slack.pace import Paces
from service.slack.reading import LAST_EDIT_S
from service.slack.replying import AnswerStopped, Reply
from service.slack.responding import Response
from service.slack.status import STATUS_LIMIT_S, Statuses
from service.slack.stopping import Stopping
from service.slack.taking import take
from service.slack.texts import warning_blocks
from service.slack.words import BUSY, CUT_OFF, ENDS, LIMITED, NOT_TAKEN

log = logging.getLogger("lectern.slack")

# Answers that are on their way at once; further questions wait, at most so many.
MAX_AT_ONCE = 20
MAX_WAITING = 500
# Messages that the registry is asked for at once: a thread each, where the registry is slow.
MAX_TAKING = 100
# Of its own, so that slow work elsewhere does not keep Slack waiting.
TAKING_THREADS = 2
# Messages that were told that they came at a bad time; they may come again.
MAX_TOLD = 1_000
# Slack waits three seconds for an acknowledgement; part of it is spent on asking for the token.
TAKE_LIMIT_S = 1.5
# Slack names the wait itself; who waits for longer has asked again.
LONGEST_WAIT_S = 900.0


class Bot:
    """Answers in threads, and commands; close it in the end."""

    def __init__(
        self, parts: ServiceParts, token: BotToken, holding: Holding, access: SlackAccess
    ) -> None:
        self._parts = parts
        self._token = token
        self._access = access
        self._holding = holding
        self._statuses = Statuses()
        self._stopping = Stopping(parts.registry, self._statuses)
        self._places = asyncio.Semaphore(MAX_AT_ONCE)
        self._paces = Paces()
        self._answering = Answering(parts, access, self._places, self._paces, self._start)
        self._taking: set[asyncio.Future[Asked | None]] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._takers = ThreadPoolExecutor(TAKING_THREADS, thread_name_prefix="slack-take")
        self._told_busy: OrderedDict[str, None] = OrderedDict()
        self._is_closing = False

    async def receive(self, asked: Asked, client: AsyncWebClient) -> bool:
        """Take a message, and answer it afterwards; False: Slack shall send it again.

        Returns within `TAKE_LIMIT_S`. What the registry takes later than that is answered all the
        same, and when Slack sends it again, it was taken.
        """
        if self._is_closing or len(self._taking) >= MAX_TAKING:
            return False
        if len(self._tasks) >= MAX_WAITING:
            return asked.is_direct and self._tell_busy(asked, client)
        loop = asyncio.get_running_loop()
        taking = loop.run_in_executor(self._takers, take, self._parts.registry, asked)
        self._taking.add(taking)

        def taken(done: asyncio.Future[Asked | None]) -> None:
            self._taking.discard(done)
            if done.cancelled():
                return
            if error := done.exception():
                log.warning("a message in Slack was not taken: %s", error)
            elif ours := done.result():
                self._holding.add(ours.key)
                self._start(self._answer_taken(ours, client))

        taking.add_done_callback(taken)
        await asyncio.wait({taking}, timeout=TAKE_LIMIT_S)
        return taking.done() and not taking.cancelled() and taking.exception() is None

    def _tell_busy(self, asked: Asked, client: AsyncWebClient) -> bool:
        """Whether somebody is told, once, that too many wait."""
        if asked.key in self._told_busy:
            return True
        if len(self._tasks) >= 2 * MAX_WAITING:
            return False
        self._told_busy[asked.key] = None
        if len(self._told_busy) > MAX_TOLD:
            self._told_busy.popitem(last=False)
        self._start(self._last_word(self._reply(asked, client), BUSY))
        return True

    async def answer(self, asked: Asked, reply: Reply) -> bool:
        """Answer in the thread what was taken; whatever goes wrong is said there.

        False: Slack did not even take that. Cancelled, it says that the service ends, and returns.
        """
        try:
            with suppress(AnswerStopped):
                await self._answering.answer(asked, reply)
        except asyncio.CancelledError:
            # The service ends: nobody shall wait for more.
            return await self._last_word(reply, ENDS)
        except SourcesChanged as error:
            return await self._withdraw(reply, f"{error.detail} Ask again.")
        except LecternError as error:
            return await self._last_word(reply, f"{error.detail} {error.hint}".strip())
        except SLACK_ERRORS as error:
            return await self._after_refusal(reply, error)
        except Exception:
            log.exception("the answer to %s in Slack failed", asked.event_id)
            unknown = unforeseen(asked.event_id)
            return await self._last_word(reply, f"{unknown.detail} {unknown.hint}".strip())
        return True

    async def tell_interrupted(self, left: Abandoned, client: AsyncWebClient) -> bool:
        """Tell a thread that nobody answers any more; False: it has to be tried again."""
        try:
            await patient(client).chat_postMessage(
                channel=left.channel_id,
                thread_ts=left.thread_ts,
                text=CUT_OFF,
                blocks=warning_blocks(CUT_OFF),
            )
        except SLACK_ERRORS as error:
            self._token.doubt(error)
            log.warning("a thread was not told of an interruption: %s", reason_of(error))
            return reason_of(error) in HOPELESS - REFUSALS  # it will not be told tomorrow either
        await self._statuses.end(client, left.channel_id, left.thread_ts)
        return True

    async def stop(self, body: dict[str, Any], client: AsyncWebClient) -> None:
        """End the answers of a thread where somebody pressed Slack's button."""
        await self._stopping.stop(body, client)

    def stop_here(self, keys: Collection[str]) -> None:
        """End the answers to these, of which another replica said that they are stopped."""
        self._stopping.end(keys)

    async def close(self) -> None:
        """Have every thread told that the service ends; takes ten seconds at most."""
        self._is_closing = True
        if self._taking:
            await asyncio.wait(self._taking, timeout=TAKE_LIMIT_S)
        await asyncio.sleep(0)  # a task that has not begun would be cancelled without a word
        for task in self._tasks:
            task.cancel()
        # One after the other: how far reading is, the last word, and that nobody is at work.
        limit_s = LAST_EDIT_S + LAST_WORD_S + STATUS_LIMIT_S + 1
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=limit_s)
        self._takers.shutdown(wait=False, cancel_futures=True)

    def respond(self, command: SlashCommand, client: AsyncWebClient) -> str | None:
        """Answer a slash command, once it is acknowledged; or what is said to it at once."""
        if self._is_closing:
            return ENDS
        if len(self._tasks) >= 2 * MAX_WAITING:
            return BUSY
        response = Response(self._parts, self._access, patient(client), command)
        self._start(response.give(self._places, is_busy=len(self._tasks) >= MAX_WAITING))
        return None

    async def _answer_taken(self, asked: Asked, client: AsyncWebClient) -> None:
        is_told = False
        reply = self._reply(asked, client)
        async with self._statuses.while_answering(client, asked, reply):
            try:
                with self._stopping.may_stop(asked, reply):
                    is_told = await self.answer(asked, reply)
            finally:
                if is_told:
                    await self._holding.end(asked.key)
                else:
                    self._holding.leave(asked.key)

    def _start(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _reply(self, asked: Asked, client: AsyncWebClient) -> Reply:
        thread = asked.thread
        return Reply(
            patient(client),
            thread.channel_id,
            thread.thread_ts,
            asked.team_id,
            asked.user_id,
            self._paces,
        )

    async def _withdraw(self, reply: Reply, text: str) -> bool:
        try:
            await reply.withdraw(text)
        except SLACK_ERRORS as error:
            return await self._after_refusal(reply, error)
        return True

    async def _after_refusal(self, reply: Reply, error: BaseException) -> bool:
        """End an answer that is whole, or say that it is not, as soon as Slack takes anything."""
        log.warning("Slack refused an answer: %s", reason_of(error))
        self._token.doubt(error)
        until_s = time.monotonic() + LONGEST_WAIT_S
        while (wait_s := retry_after_s(error)) is not None:
            if time.monotonic() + wait_s > until_s or self._is_closing:
                return False
            # It holds no place any more: others are answered in other channels. It stays in hand.
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(wait_s)
            if not reply.is_whole:
                return await self._last_word(reply, LIMITED)
            refusal = await self._finish_again(reply)
            if refusal is None:
                return True
            error = refusal
        return await self._last_word(reply, NOT_TAKEN)

    async def _finish_again(self, reply: Reply) -> BaseException | None:
        """Why it is refused once more; None where it is not."""
        try:
            async with asyncio.timeout(LAST_WORD_S if self._is_closing else None):
                await reply.finish_again()
        except SLACK_ERRORS as error:
            return error
        return None

    async def _last_word(self, reply: Reply, text: str) -> bool:
        """Say why there is no more, within a moment and without a failure; whether it was said."""
        try:
            async with asyncio.timeout(LAST_WORD_S):
                await reply.last_word(warning_blocks(text), text=text)
        except SLACK_ERRORS as error:
            self._token.doubt(error)
            log.warning("a thread in Slack was not told what went wrong: %s", reason_of(error))
            return False
        return True
