"""One answer, written into a thread while it is made."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from slack_sdk.web.async_chat_stream import AsyncChatStream
from slack_sdk.web.async_client import AsyncWebClient

from service.slack.bot_token import REFUSALS
from service.slack.calling import SLACK_ERRORS, reason_of
from service.slack.texts import shown

log = logging.getLogger("lectern.slack")

# A message has 12,000 characters of Markdown at most, and about as many with its blocks; what is
# longer goes on in the next message.
MAX_MESSAGE_CHARS = 9_000
# Of `text`, which is for notifications; an edit with more than 4,000 is refused.
MAX_TEXT_CHARS = 3_000
# Appending is limited to some calls a minute for each message: so much is said at once.
BUFFER_CHARS = 200
# Where there is no streaming, a message is edited at most so often (Slack allows about one a
# second for each channel).
EDIT_EVERY_S = 1.5
# With these, no other way of writing there would work.
HOPELESS = REFUSALS | {"channel_not_found", "not_in_channel", "is_archived"}


@dataclass(slots=True)
class Reply:
    """Say pieces, then finish; `SLACK_ERRORS` where Slack takes it in no way.

    It is streamed; where that does not work, or no longer, a message is edited instead.
    """

    client: AsyncWebClient
    channel: str
    thread_ts: str
    team_id: str
    user_id: str
    _stream: AsyncChatStream | None = None
    _edited: _EditedMessage | None = None
    _text: str = ""
    _is_finished: bool = False

    async def say(self, text: str) -> None:
        """Go on with this text of the answer, which is Markdown."""
        text = shown(text)
        if self._edited is not None:
            await self._edited.say(text)
            return
        if self._stream is not None and len(self._text) + len(text) > MAX_MESSAGE_CHARS:
            await self._end_stream(())
            self._stream, self._edited, self._text = None, None, ""
        self._text += text
        try:
            if self._stream is None:
                self._stream = await self._opened()
            await self._stream.append(markdown_text=text)
        except SLACK_ERRORS as error:
            await self._edit_instead(error)

    async def finish(self, blocks: Sequence[dict[str, Any]], *, text: str = "") -> None:
        """End the message, once, with these blocks below it; `text` where nothing was said."""
        if self._is_finished:
            return
        if self._edited is not None:
            await self._edited.finish(blocks)
        elif self._stream is not None:
            await self._end_stream(blocks)
        else:
            await self.post(blocks, text=text)
        self._is_finished = True

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
        """Put this notice in place of what was said."""
        if self._stream is not None and self._stream.ts is not None:
            await self._edit_instead(None)
        if self._edited is None:
            await self.finish((), text=text)
            return
        self._edited.text = shown(text)
        await self._edited.finish(())
        self._is_finished = True

    async def _opened(self) -> AsyncChatStream:
        return await self.client.chat_stream(
            channel=self.channel,
            thread_ts=self.thread_ts,
            recipient_team_id=self.team_id,
            recipient_user_id=self.user_id,
            buffer_size=BUFFER_CHARS,
        )

    async def _end_stream(self, blocks: Sequence[dict[str, Any]]) -> None:
        assert self._stream is not None  # noqa: S101 - the callers have looked
        try:
            await self._stream.stop(blocks=list(blocks))
        except SLACK_ERRORS as error:
            await self._edit_instead(error)
            if self._edited is not None:
                await self._edited.finish(blocks)

    async def _edit_instead(self, error: BaseException | None) -> None:
        """Go on with a message that is edited: the one that was streamed, or a new one."""
        reason = reason_of(error) if error is not None else "withdrawn"
        if error is not None and reason in HOPELESS:
            raise error
        log.info("Slack does not stream here (any more): %s", reason)
        ts = self._stream.ts if self._stream is not None else None
        if ts is not None:
            with suppress(*SLACK_ERRORS):
                await self.client.chat_stopStream(channel=self.channel, ts=ts)
        self._stream = None
        self._edited = _EditedMessage(self.client, self.channel, self.thread_ts, self._text, ts)
        await self._edited.say("")


@dataclass(slots=True)
class _EditedMessage:
    client: AsyncWebClient
    channel: str
    thread_ts: str
    text: str
    ts: str | None
    _edited_s: float = 0.0

    async def say(self, text: str) -> None:
        if self.ts is not None and len(self.text) + len(text) > MAX_MESSAGE_CHARS:
            await self._show(())
            self.text, self.ts = "", None
        self.text += text
        if time.monotonic() - self._edited_s >= EDIT_EVERY_S:
            await self._show(())

    async def finish(self, blocks: Sequence[dict[str, Any]]) -> None:
        try:
            await self._show(blocks)
        except SLACK_ERRORS as error:
            if not blocks or reason_of(error) in HOPELESS:
                raise
            log.warning("Slack refused what stands below an answer: %s", reason_of(error))
            await self._show(())

    async def _show(self, blocks: Sequence[dict[str, Any]]) -> None:
        body = [{"type": "markdown", "text": self.text or "…"}, *blocks]
        text = self.text[:MAX_TEXT_CHARS]
        if self.ts is None:
            sent = await self.client.chat_postMessage(
                channel=self.channel,
                thread_ts=self.thread_ts,
                text=text,
                blocks=body,
                unfurl_links=False,
                unfurl_media=False,
            )
            self.ts = str(sent["ts"])
        else:
            await self.client.chat_update(channel=self.channel, ts=self.ts, text=text, blocks=body)
        self._edited_s = time.monotonic()
