"""One answer, written into a thread while it is made."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from service.slack.calling import HOPELESS, SLACK_ERRORS, patient, reason_of, retry_after_s
from service.slack.edited import MAX_MESSAGE_CHARS, EditedMessage
from service.slack.pace import Paces
from service.slack.streamed import StreamedMessage
from service.slack.texts import settled, shown

log = logging.getLogger("lectern.slack")

# How Slack refuses what is said after somebody pressed its button.
STOPPED = "stopped_by_user"


class AnswerStopped(Exception):
    """Somebody stopped the answer: the model need say no more, and nothing is to be told."""


@dataclass(slots=True, eq=False)
class Reply:
    """Say pieces, then finish; `SLACK_ERRORS` where Slack takes it in no way.

    It is streamed; where that does not work, or no longer, a message is edited instead. Saying more
    raises `AnswerStopped` where Slack says that somebody pressed its button.
    """

    client: AsyncWebClient
    channel: str
    thread_ts: str
    team_id: str
    user_id: str
    paces: Paces = field(default_factory=Paces)
    _stream: StreamedMessage | None = None
    _edited: EditedMessage | None = None
    _text: str = ""
    _held: str = ""  # the end of what was said, until it is known what it becomes
    _earlier: list[str] = field(default_factory=list)  # full messages, first to last
    _open_ts: str | None = None  # a stream that is not gone on with, and has to be closed
    _ending: tuple[Sequence[dict[str, Any]], str] | None = None  # once all was said
    _is_finished: bool = False
    _is_withdrawn: bool = False
    # Slack takes this for the end of the work, so that nobody has to say so.
    has_stopped_stream: bool = False

    async def say(self, text: str) -> None:
        """Go on with this text of the answer, which is Markdown."""
        text, self._held = settled(self._held + text)
        if text:
            await self._say(shown(text))

    async def _say(self, text: str) -> None:
        if self._edited is not None:
            await self._edited.say(text)
            return
        if self._stream is not None and len(self._text) + len(text) > MAX_MESSAGE_CHARS:
            await self._end_stream((), goes_on=True)
            self._earlier += [ts for ts in (self._last,) if ts is not None]
            self._stream, self._edited, self._text = None, None, ""
        self._text += text
        try:
            if self._stream is None:
                self._stream = self._opened()
            await self._stream.say(text)
        except SLACK_ERRORS as error:
            await self._edit_instead(error)

    async def finish(self, blocks: Sequence[dict[str, Any]], *, text: str = "") -> None:
        """End the message, once, with these blocks below it; `text` where nothing was said."""
        if self._is_finished:
            with suppress(*SLACK_ERRORS):
                await self._close_stream()  # of what was stopped
            return
        self._ending = (blocks, text)
        with suppress(AnswerStopped):
            await self._finish(blocks, text)
        self._is_finished = True

    async def _finish(self, blocks: Sequence[dict[str, Any]], text: str) -> None:
        await self._close_stream()
        if self._held:
            held, self._held = self._held, ""
            await self._say(shown(held))
        if self._edited is not None:
            await self._edited.finish(blocks)
        elif self._stream is not None:
            await self._end_stream(blocks)
        else:
            await self.post(blocks, text=text)

    @property
    def is_whole(self) -> bool:
        """Whether all of it was said, whatever Slack took of it."""
        return self._ending is not None

    async def finish_again(self) -> None:
        """End the message as it was to be ended, with new patience for Slack's limits."""
        blocks, text = self._ending or ((), "")
        self.client = patient(self.client)
        for message in (self._stream, self._edited):
            if message is not None:
                message.client = self.client
        await self.finish(blocks, text=text)

    @property
    def is_stoppable(self) -> bool:
        """Whether there is more to say that nobody has to know."""
        return not (self._is_finished or self._is_withdrawn)

    def stop(self) -> None:
        """Say no more: whoever reads it pressed Slack's button.

        A stream that began since is open, and is closed instead of being finished.
        """
        self._is_finished = True
        if self._stream is not None:
            self._open_ts = self._last

    async def post(self, blocks: Sequence[dict[str, Any]], *, text: str) -> None:
        """Write a message of its own into the thread."""
        await self.client.chat_postMessage(
            channel=self.channel,
            thread_ts=self.thread_ts,
            text=shown(text) or "…",
            blocks=list(blocks),
            unfurl_links=False,
            unfurl_media=False,
        )

    async def last_word(self, blocks: Sequence[dict[str, Any]], *, text: str) -> None:
        """End the message with these blocks; where that fails, say them in one of its own."""
        try:
            await self.finish(blocks, text=text)
        except SLACK_ERRORS as error:
            if reason_of(error) in HOPELESS:
                raise
            await self.post(blocks, text=text)
            self._is_finished = True

    async def withdraw(self, text: str) -> None:
        """Put this notice in place of everything that was said."""
        self._is_withdrawn = True
        is_open, last = self._edited is None, self._last
        earlier, self._earlier, self._held = self._earlier, [], ""
        self._ending = ((), text)
        self._stream = self._edited = None
        if last is None and earlier:
            is_open, last = False, earlier.pop()
        if last is None:
            await self.finish((), text=text)
            return
        # Whatever is said from here on, and however: not the answer.
        self._edited = self._message(shown(text), last)
        self._open_ts = last if is_open else None
        for ts in earlier:
            await self._take_back(ts, shown(text))
        await self._close_stream()
        await self._edited.finish(())
        self._is_finished = True

    async def _take_back(self, ts: str, notice: str) -> None:
        try:
            await self._message(notice, ts).finish(())
        except SLACK_ERRORS:
            try:
                await self.client.chat_delete(channel=self.channel, ts=ts)
            except SLACK_ERRORS as error:
                log.warning("a part of an answer was not withdrawn: %s", reason_of(error))

    @property
    def _last(self) -> str | None:
        """The message that is being written."""
        if self._edited is not None:
            return self._edited.ts
        return self._stream.ts if self._stream is not None else None

    def _message(self, text: str, ts: str | None) -> EditedMessage:
        return EditedMessage(
            self.client, self.channel, self.thread_ts, text, ts, self._earlier, self.paces.edits
        )

    def _opened(self) -> StreamedMessage:
        return StreamedMessage(
            self.client,
            self.channel,
            self.thread_ts,
            self.team_id,
            self.user_id,
            self.paces.appends,
        )

    async def _end_stream(self, blocks: Sequence[dict[str, Any]], *, goes_on: bool = False) -> None:
        assert self._stream is not None  # noqa: S101 - the callers have looked
        try:
            await self._stream.stop(blocks, goes_on=goes_on)
            self.has_stopped_stream = not goes_on
        except SLACK_ERRORS as error:
            if self._last is not None and retry_after_s(error) is not None:
                raise  # it stays open until then
            await self._edit_instead(error)
            if self._edited is not None:
                await self._edited.finish(blocks)

    async def _edit_instead(self, error: BaseException) -> None:
        """Go on with a message that is edited: the one that was streamed, or a new one."""
        reason = reason_of(error)
        if reason == STOPPED:
            raise AnswerStopped from error
        if reason in HOPELESS:
            raise error
        log.info("Slack does not stream here (any more): %s", reason)
        self._open_ts = self._last
        self._edited, self._stream = self._message(self._text, self._last), None
        self.paces.edit_instead(self)
        await self._close_stream()
        await self._edited.say("")

    async def _close_stream(self) -> None:
        """What is open cannot be edited. Raises only that Slack does not close it for a while."""
        if self._open_ts is None:
            return
        try:
            await self.client.chat_stopStream(channel=self.channel, ts=self._open_ts)
        except SLACK_ERRORS as error:
            if retry_after_s(error) is not None:
                raise
        self._open_ts = None
