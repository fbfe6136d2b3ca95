"""The button with which people stop what is being answered in a thread (`agent_session_stopped`).

Slack ends the streams there by itself. Which replica has the event is not said: it ends what was
taken there in the registry, where the one that answers sees it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from corpus.errors import LecternError
from corpus.registry.database.engine import Registry
from corpus.registry.slack import awaited_in, end_event, take_event
from service.slack.asked import Asked, asked_s
from service.slack.calling import SLACK_ERRORS, patient, reason_of
from service.slack.replying import Reply
from service.slack.status import Statuses
from service.slack.words import STOPPED, STOPPED_MIDWAY

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

        One that is being withdrawn here is not among them.
        """
        event = body["event"]
        channel, thread_ts = event["channel"], event["thread_ts"]
        here = {
            asked.key
            for asked, _ in self._answering.values()
            if (asked.thread.channel_id, asked.thread.thread_ts) == (channel, thread_ts)
        }
        # Slack sends it again for an hour, whatever is asked there meanwhile.
        until_s = float(event["event_ts"])
        stopped = self.end({key for key in here if asked_s(key) <= until_s})
        try:
            elsewhere = await asyncio.to_thread(
                self._end_taken, body.get("event_id") or "", channel, thread_ts, until_s, here
            )
            if elsewhere is None:
                return  # Slack sends it again
            if stopped or elsewhere:
                said = STOPPED_MIDWAY if event.get("streaming_message_ts") else STOPPED
                await patient(client).chat_postMessage(
                    channel=channel, thread_ts=thread_ts, text=said
                )
        except LecternError as error:
            log.warning("that an answer was stopped is not said: %s", error.detail)
        except SLACK_ERRORS as error:
            log.warning("Slack did not take that an answer was stopped: %s", reason_of(error))
        if not here:
            await self._statuses.end(client, channel, thread_ts)

    def end(self, keys: Collection[str]) -> set[str]:
        """End the answers to these here, without a word; to which there was more to say."""
        stopped = set()
        for task, (asked, reply) in list(self._answering.items()):
            if asked.key in keys and reply.is_stoppable:
                stopped.add(asked.key)
                reply.stop()
                task.cancel()
        return stopped

    def _end_taken(
        self, event_id: str, channel: str, thread_ts: str, until_s: float, besides: set[str]
    ) -> set[str] | None:
        """What was ended that others answer; None where the event was taken before."""
        with self._registry.write() as connection:
            if not take_event(connection, event_id):
                return None
            awaited = awaited_in(connection, channel, thread_ts) - besides
            ended = {key for key in awaited if asked_s(key) <= until_s}
            for key in sorted(ended):
                end_event(connection, key)
        return ended
