"""A message that is streamed, in few calls."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from service.slack.calling import patient, retry_after_s
from service.slack.pace import Pace

# So much is said at once, and not more often.
BUFFER_CHARS = 200
APPEND_EVERY_S = 1.0


@dataclass(slots=True)
class StreamedMessage:
    """Says pieces as they come; `ts` None: there is no message yet.

    Only the end of it is worth waiting for Slack's rate limits. Raises `SLACK_ERRORS`.
    """

    client: AsyncWebClient
    channel: str
    thread_ts: str
    team_id: str
    user_id: str
    pace: Pace
    ts: str | None = None
    _held: str = ""  # said, and not with Slack yet
    _said_s: float = 0.0
    _limited_until_s: float = 0.0

    async def say(self, text: str) -> None:
        """Go on with this; Slack has it at once, or with what is said later."""
        self._held += text
        now_s = time.monotonic()
        next_s = self._said_s + self.pace.every_s(APPEND_EVERY_S)
        if len(self._held) < BUFFER_CHARS or now_s < max(next_s, self._limited_until_s):
            return
        if self.ts is None:
            await self._start()
        else:
            await self._append(self.ts)

    async def stop(self, blocks: Sequence[dict[str, Any]], *, goes_on: bool = False) -> None:
        """End it with these blocks below; `goes_on`: another message follows."""
        if self.ts is None:
            await self._start()
        await self.client.chat_stopStream(
            channel=self.channel,
            ts=str(self.ts),
            chunks=self._chunks(),
            blocks=list(blocks),
            session_status="processing" if goes_on else "active",
        )

    async def _start(self) -> None:
        """Where no stream may begin now, a message can be edited at once."""
        sent = await patient(self.client, 0).chat_startStream(
            channel=self.channel,
            thread_ts=self.thread_ts,
            recipient_team_id=self.team_id,
            recipient_user_id=self.user_id,
            chunks=self._chunks(),
        )
        self.ts = str(sent["ts"])
        self._taken()

    async def _append(self, ts: str) -> None:
        try:
            await patient(self.client, 0).chat_appendStream(
                channel=self.channel, ts=ts, chunks=self._chunks()
            )
        except SlackApiError as error:
            wait_s = retry_after_s(error)
            if wait_s is None:
                raise
            self._limited_until_s = time.monotonic() + wait_s
        else:
            self._taken()

    def _taken(self) -> None:
        self._held, self._said_s = "", time.monotonic()

    def _chunks(self) -> list[dict[str, Any]]:
        return [{"type": "markdown_text", "text": self._held}] if self._held else []
