"""How far the reading of files is, as it is told in their thread, against the scripted Slack."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

from slack_sdk.web.async_client import AsyncWebClient

from corpus.access import UNRESTRICTED
from service.parts import ServiceParts
from service.slack.calling import open_session
from service.slack.dropped import DroppedFile, files_in
from service.slack.pace import Pace
from service.slack.reading import STOPPED, ReadingFiles
from tests.doubles.scripted_slack import CHANNEL, TOKEN, ScriptedSlack

NAMES = ("a.txt", "b.txt")
THREAD = "1600000000.000001"


def dropped(slack: ScriptedSlack) -> tuple[DroppedFile, ...]:
    return files_in({"files": [slack.file(name, b"Other.") for name in NAMES]})


def test_files_that_wait_slow_nobody_and_are_not_fetched_once_they_are_stopped() -> None:
    pace = Pace(50)
    with ScriptedSlack() as slack:

        async def run() -> None:
            async with open_session() as session:
                client = AsyncWebClient(TOKEN, base_url=slack.api_url, session=session)
                reading = ReadingFiles(
                    cast("ServiceParts", SimpleNamespace()),
                    client,
                    CHANNEL,
                    THREAD,
                    UNRESTRICTED,
                    None,
                    (),
                    asyncio.Semaphore(0),  # others are being fetched
                    pace,
                )
                waiting = asyncio.create_task(reading.read(dropped(slack)))
                await asyncio.to_thread(slack.wait_for_end, THREAD)
                async with asyncio.timeout(20):
                    while pace.every_s(0.0) > 0.0:  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
                waiting.cancel()
                await asyncio.wait({waiting})

        asyncio.run(run())
        [told] = slack.in_thread(THREAD)
        assert told.text.splitlines() == [f":x: *{name}*: {STOPPED}" for name in NAMES]
