"""Answering a slash command, to the one who typed it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from corpus.errors import LecternError, unforeseen
from service.asking.answers import answer
from service.asking.question import Keeping
from service.parts import ServiceParts
from service.slack.access import SlackAccess
from service.slack.calling import API_TIMEOUT_S, LAST_WORD_S, SLACK_ERRORS, reason_of
from service.slack.commands import SlashCommand, answered
from service.slack.questions import question_in, settings_for_asking
from service.slack.response_url import respond
from service.slack.rich_text import RichPiece, rich_pieces
from service.slack.texts import ending_blocks, escaped, section, shown, warning_blocks
from service.slack.words import BUSY, ENDS

log = logging.getLogger("lectern.slack")

# A command may be answered five times. A message takes about 13,000 characters
# in its blocks: three of the answer's, and what stands below the last.
MAX_MESSAGES = 4
PIECES_A_MESSAGE = 3
# More than that is not shown anyway, and reading Markdown takes its time.
MAX_ANSWER_CHARS = 36_000

CUT = "The answer is longer than Slack shows here: mention me to have all of it."


@dataclass(frozen=True, slots=True)
class Response:
    """What is said to one command; whatever goes wrong is said too."""

    parts: ServiceParts
    access: SlackAccess
    client: AsyncWebClient
    command: SlashCommand

    async def give(self, places: asyncio.Semaphore, *, is_busy: bool) -> None:
        """Answer once a place is free; with `is_busy`, say so instead."""
        try:
            if is_busy:
                await self._warn(BUSY)
                return
            async with places:
                await self._answer()
        except asyncio.CancelledError:
            await self._warn(ENDS, within_s=LAST_WORD_S)
            raise
        except LecternError as error:
            await self._warn(f"{error.detail} {error.hint}".strip())
        except SLACK_ERRORS as error:
            log.warning("Slack did not take what was said to a command: %s", reason_of(error))
        except Exception:
            name = f"{self.command.team_id}/{self.command.user_id}"
            log.exception("a command of %s in Slack failed", name)
            unknown = unforeseen(name)
            await self._warn(f"{unknown.detail} {unknown.hint}".strip())

    async def _answer(self) -> None:
        said = await asyncio.to_thread(answered, self.parts, self.access, self.command)
        if said is not None:
            await self._say([section(said.text)], said.text, to_all=said.to_all)
            return
        command = self.command
        here = await asyncio.to_thread(settings_for_asking, self.parts.registry, command.thread)
        reader = await self.access.alone(
            self.client, command.team_id, command.channel_id, command.user_id
        )
        question = question_in(here, command.text, reader, keeping=Keeping.ANSWER, is_private=True)
        begun, done = await answer(self.parts, question)
        url = self.parts.settings.public_url
        ending = ending_blocks(begun.answer_id, done, url, with_excerpts=True)
        pieces = await asyncio.to_thread(rich_pieces, done.answer[:MAX_ANSWER_CHARS])
        messages = _messages(pieces)
        if len(messages) > MAX_MESSAGES or len(done.answer) > MAX_ANSWER_CHARS:
            messages, ending = messages[:MAX_MESSAGES], [*warning_blocks(CUT), *ending]
        for message in messages:
            below = ending if message is messages[-1] else []
            text = "\n".join(piece.text for piece in message)
            await self._say([*(piece.block for piece in message), *below], shown(text))

    async def _warn(self, text: str, *, within_s: float = API_TIMEOUT_S) -> None:
        try:
            async with asyncio.timeout(within_s):
                await self._say(warning_blocks(text), escaped(text))
        except SLACK_ERRORS as error:
            log.warning("who typed a command was not told what went wrong: %s", reason_of(error))

    async def _say(
        self, blocks: Sequence[dict[str, Any]], text: str, *, to_all: bool = False
    ) -> None:
        status = await respond(self.client, self.command.respond_to, blocks, text, to_all=to_all)
        if status != 200:
            log.warning("Slack did not take what was said to a command: %s", status)


def _messages(pieces: Sequence[RichPiece]) -> list[Sequence[RichPiece]]:
    """So many pieces in each as one message takes."""
    return [pieces[at : at + PIECES_A_MESSAGE] for at in range(0, len(pieces), PIECES_A_MESSAGE)]
