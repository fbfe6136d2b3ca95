"""What a thread shows while an answer is made there, and before anything of it can be read.

Slack calls it the session of an agent (https://docs.slack.dev/ai/agent-sessions): "Working…". A
stream sets it too; where none is stopped in the end, we say that it is over.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from service.slack.asked import Asked
from service.slack.calling import HOPELESS, SLACK_ERRORS, patient, reason_of, retry_after_s
from service.slack.replying import Reply
from service.slack.texts import escaped, question_of

log = logging.getLogger("lectern.slack")

STATUS_LIMIT_S = 3.0
# After so many refusals on end the app is no agent. Slack does not document how it says so, and
# refuses with errors like these what is wrong with one thread alone.
MAX_REFUSALS = 3
# Slack takes 200; it is shown in a list.
MAX_TITLE_CHARS = 80
# What an app shows that is no agent, behind its name.
AT_WORK = "looks in the documents…"


class Statuses:
    """Best effort: whatever Slack says to it, and however late, no answer waits or fails for it."""

    def __init__(self) -> None:
        self._refusals = 0  # of an agent's call, without a success between
        self._answers: Counter[tuple[str, str]] = Counter()  # by channel and thread

    @asynccontextmanager
    async def while_answering(
        self, client: AsyncWebClient, asked: Asked, reply: Reply
    ) -> AsyncIterator[None]:
        """From now on the thread shows that it is being answered; after the last, no longer."""
        channel, thread_ts = asked.thread.channel_id, asked.thread.thread_ts
        title = escaped(question_of(asked.text)[:MAX_TITLE_CHARS])
        self._answers[channel, thread_ts] += 1
        begun = asyncio.create_task(
            self._show(client, channel, thread_ts, title=title, user_id=asked.user_id)
        )
        try:
            yield
        finally:
            self._answers -= Counter({(channel, thread_ts): 1})
            # What Slack takes only now would stand there for an hour.
            is_late = not begun.done()
            await asyncio.wait({begun})
            # What Slack took for the end of the work was that of one answer.
            is_last = not self._answers[channel, thread_ts]
            if is_late or not is_last or not reply.has_stopped_stream:
                await self.end(client, channel, thread_ts)

    async def end(self, client: AsyncWebClient, channel: str, thread_ts: str) -> None:
        """Nobody is at work there any more, unless on another answer."""
        is_working = self._answers[channel, thread_ts] > 0
        await self._show(client, channel, thread_ts, is_working=is_working)

    async def _show(
        self,
        client: AsyncWebClient,
        channel: str,
        thread_ts: str,
        *,
        is_working: bool = True,
        title: str = "",
        user_id: str = "",
    ) -> None:
        client = patient(client, 0)
        try:
            async with asyncio.timeout(STATUS_LIMIT_S):
                if self._refusals < MAX_REFUSALS:
                    try:
                        await client.agents_sessions_setStatus(
                            channel_id=channel,
                            thread_ts=thread_ts,
                            status="processing" if is_working else "active",
                            title=title or None,
                            initiator_user_id=user_id or None,
                        )
                    except SlackApiError as error:
                        if not _may_be_of_the_app(error):
                            raise
                        self._refusals += 1
                    else:
                        self._refusals = 0
                        return
                # Of an agent, Slack passes this older call on.
                await client.assistant_threads_setStatus(
                    channel_id=channel,
                    thread_ts=thread_ts,
                    status=AT_WORK if is_working else "",
                )
        except SLACK_ERRORS as error:
            log.debug("Slack does not show who is at work: %s", reason_of(error))


def _may_be_of_the_app(error: SlackApiError) -> bool:
    """Whether it may be refused because the app is no agent: not for its haste or a failure."""
    is_failure = getattr(error.response, "status_code", 0) >= 500
    return not is_failure and retry_after_s(error) is None and reason_of(error) not in HOPELESS
