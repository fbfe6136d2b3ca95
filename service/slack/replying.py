"""One answer, written into a thread while it is made."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_chat_stream import AsyncChatStream
from slack_sdk.web.async_client import AsyncWebClient

from service.slack.texts import escaped

log = logging.getLogger("lectern.slack")

# Slack takes 12,000 characters of Markdown in one message; what is longer goes on in the next.
MAX_MESSAGE_CHARS = 11_000
# Appending is limited to some calls a minute for each message: so much is said at once.
BUFFER_CHARS = 200
# Where there is no streaming, a message is edited at most so often (Slack allows about one a
# second for each channel).
EDIT_EVERY_S = 1.5
# Why Slack refuses to stream here, while it would take a message.
NO_STREAMING = frozenset(
    {
        "unknown_method",
        "not_allowed_token_type",
        "feature_not_enabled",
        "method_not_supported_for_channel_type",
        "channel_type_not_supported",
        "missing_recipient_team_id",
        "missing_recipient_user_id",
    }
)


@dataclass(slots=True)
class Reply:
    """Say pieces, then finish; both raise `SlackApiError` where Slack takes neither way."""

    client: AsyncWebClient
    channel: str
    thread_ts: str
    team_id: str
    user_id: str
    _stream: AsyncChatStream | None = None
    _edited: _EditedMessage | None = None
    _text: str = ""

    @property
    def has_begun(self) -> bool:
        """Whether anything of the answer was said."""
        return bool(self._text) or self._edited is not None

    async def say(self, text: str) -> None:
        """Go on with this text of the answer, which is Markdown."""
        text = escaped(text)
        if self._edited is not None:
            await self._edited.say(text)
            return
        if self._stream is not None and len(self._text) + len(text) > MAX_MESSAGE_CHARS:
            await self._stream.stop()
            self._stream, self._text = None, ""
        self._text += text
        try:
            if self._stream is None:
                self._stream = await self._opened()
            await self._stream.append(markdown_text=text)
        except SlackApiError as error:
            self._edited = self._instead(error)
            await self._edited.say(self._text)

    async def finish(self, blocks: Sequence[dict[str, Any]]) -> None:
        """End the message, with these blocks below it."""
        if self._edited is None and self._stream is not None:
            try:
                await self._stream.stop(blocks=list(blocks))
            except SlackApiError as error:
                self._edited = self._instead(error)
                await self._edited.say(self._text)
        if self._edited is not None:
            await self._edited.finish(blocks)

    def _instead(self, error: SlackApiError) -> _EditedMessage:
        """A message to edit, where Slack does not stream; raises `error` where that is not why."""
        reason = error.response.get("error")
        has_begun = self._stream is not None and self._stream.ts is not None
        if has_begun or reason not in NO_STREAMING:
            raise error
        log.info("Slack does not stream here: %s", reason)
        return _EditedMessage(self.client, self.channel, self.thread_ts)

    async def _opened(self) -> AsyncChatStream:
        return await self.client.chat_stream(
            channel=self.channel,
            thread_ts=self.thread_ts,
            recipient_team_id=self.team_id,
            recipient_user_id=self.user_id,
            buffer_size=BUFFER_CHARS,
        )


@dataclass(slots=True)
class _EditedMessage:
    client: AsyncWebClient
    channel: str
    thread_ts: str
    _text: str = ""
    _ts: str | None = None
    _edited_s: float = field(default=0.0)

    async def say(self, text: str) -> None:
        if self._ts is not None and len(self._text) + len(text) > MAX_MESSAGE_CHARS:
            await self._show(())
            self._text, self._ts = "", None
        self._text += text
        if time.monotonic() - self._edited_s >= EDIT_EVERY_S:
            await self._show(())

    async def finish(self, blocks: Sequence[dict[str, Any]]) -> None:
        await self._show(blocks)

    async def _show(self, blocks: Sequence[dict[str, Any]]) -> None:
        body = [{"type": "markdown", "text": self._text or " "}, *blocks]
        if self._ts is None:
            sent = await self.client.chat_postMessage(
                channel=self.channel, thread_ts=self.thread_ts, text=self._text, blocks=body
            )
            self._ts = str(sent["ts"])
        else:
            await self.client.chat_update(
                channel=self.channel, ts=self._ts, text=self._text, blocks=body
            )
        self._edited_s = time.monotonic()
