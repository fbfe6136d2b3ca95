"""The button with which people stop what is being answered in a thread (`agent_session_stopped`).

Slack ends the streams there by itself. Which replica has the event is not said: where another one
answers, that ends with the next that it says.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from corpus.errors import LecternError
from corpus.registry.database.engine import Registry
from corpus.registry.slack import take_event
from service.slack.asked import Asked
from service.slack.calling import SLACK_ERRORS, patient, reason_of
from service.slack.replying import Reply
from service.slack.status import Statuses
from service.slack.words import STOPPED

log = logging.getLogger("lectern.slack")


class Stopping:
    """Knows which tasks answer in which thread, and cancels them when somebody wants that."""

    def __init__(self, registry: Registry, statuses: Statuses) -> None:
        self._registry = registry
        self._statuses = statuses
        self._answering: dict[asyncio.Task[Any], tuple[Asked, Reply]] = {}

    @contextmanager
    def may_stop(self, asked: Asked, reply: Reply) -> Iterator[None]:
        """The current task may be cancelled from here on; then there is nothing more to say."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - inside a coroutine
        self._answering[task] = (asked, reply)
        try:
            yield
        finally:
            del self._answering[task]

    async def stop(self, body: dict[str, Any], client: AsyncWebClient) -> None:
        """End the answers to what was asked in a thread until then, and say so there, once.

        One that is being withdrawn is not among them.
        """
        event = body["event"]
        channel, thread_ts = event["channel"], event["thread_ts"]
        is_here = False
        for task, (asked, reply) in list(self._answering.items()):
            is_there = (reply.channel, reply.thread_ts) == (channel, thread_ts)
            # Slack sends it again for an hour, whatever is asked there meanwhile.
            if is_there and float(asked.ts) <= float(event["event_ts"]) and reply.is_stoppable:
                is_here = True
                reply.stop()
                task.cancel()
        try:
            if not await asyncio.to_thread(self._is_new, body.get("event_id") or ""):
                return  # Slack sends it again
            await patient(client).chat_postMessage(
                channel=channel, thread_ts=thread_ts, text=STOPPED
            )
        except LecternError as error:
            log.warning("that an answer was stopped is not said: %s", error.detail)
        except SLACK_ERRORS as error:
            log.warning("Slack did not take that an answer was stopped: %s", reason_of(error))
        if not is_here:
            await self._statuses.end(client, channel, thread_ts)

    def _is_new(self, event_id: str) -> bool:
        with self._registry.write() as connection:
            return take_event(connection, event_id)
