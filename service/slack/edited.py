"""A message that is written by editing it, where Slack does not stream."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from service.slack.calling import HOPELESS, SLACK_ERRORS, reason_of, retry_after_s
from service.slack.pace import Pace

log = logging.getLogger("lectern.slack")

# A message has 12,000 characters of Markdown at most, and about as many with its blocks; what is
# longer goes on in the next message.
MAX_MESSAGE_CHARS = 9_000
# Of `text`, which is for notifications; an edit with more than 4,000 is refused.
MAX_TEXT_CHARS = 3_000
# A message is edited at most so often (Slack allows about one a second for each channel).
EDIT_EVERY_S = 1.5


@dataclass(slots=True)
class EditedMessage:
    """Says `text` and more; `ts` None: there is no message yet. `earlier` has those that are full.

    What is said is shown as it stands: it mentions nobody already.
    """

    client: AsyncWebClient
    channel: str
    thread_ts: str
    text: str
    ts: str | None
    earlier: list[str]
    pace: Pace
    _edited_s: float = 0.0

    async def say(self, text: str) -> None:
        """Go on with this; shown at once, or with what is said later."""
        if self.ts is not None and len(self.text) + len(text) > MAX_MESSAGE_CHARS:
            await self._show(())
            self.earlier.append(self.ts)
            self.text, self.ts = "", None
        self.text += text
        every_s = self.pace.every_s(EDIT_EVERY_S)
        if time.monotonic() - self._edited_s >= every_s:
            await self._show(())

    async def finish(self, blocks: Sequence[dict[str, Any]]) -> None:
        """Show all of it with these blocks below; without them, where Slack refuses them."""
        try:
            await self._show(blocks)
        except SLACK_ERRORS as error:
            is_limited = retry_after_s(error) is not None
            if not blocks or is_limited or reason_of(error) in HOPELESS:
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
