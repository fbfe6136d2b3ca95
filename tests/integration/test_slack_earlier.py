"""What a question in a thread is understood by, against the scripted Slack."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from corpus.registry.slack import SlackThread
from service.slack.asked import Asked
from service.slack.calling import open_session
from service.slack.earlier import LIMIT_S, MAX_CHARS, MAX_MESSAGES, PAGE, earlier_in
from tests.doubles.scripted_slack import BOT, CHANNEL, TEAM, TOKEN, USER, Failure, ScriptedSlack

THREAD = SlackThread(TEAM, CHANNEL, "1.0")
ASKED = Asked(
    "Ev1", "900.0", THREAD, TEAM, USER, "What about the above?", True, our_ids=frozenset({BOT})
)


def earlier(slack: ScriptedSlack, *said: dict[str, Any], asked: Asked = ASKED) -> list[str]:
    """What is read of a thread of these messages."""
    thread = {"channel": CHANNEL, "thread_ts": "1.0", "user": "U2"}
    slack.heard = [{**thread, "ts": f"{n}.0", **one} for n, one in enumerate(said, 1)]

    async def run() -> list[str]:
        async with open_session() as session:
            client = AsyncWebClient(TOKEN, base_url=slack.api_url, session=session)
            return [one.standalone_question for one in await earlier_in(client, asked)]

    return asyncio.run(run())


def test_the_last_messages_before_a_question_are_read_as_people_see_them() -> None:
    with ScriptedSlack() as slack:
        assert earlier(
            slack,
            {"text": "<#C2|winches> &amp; cranes", "user": None, "bot_id": "B9"},
            {"text": "", "attachments": [{"is_share": True, "text": "It slips."}]},
            {"text": ":eyes:"},
            {"text": "An answer of the bot's.", "user": BOT, "bot_id": "B1"},
            {"text": "has joined the channel", "subtype": "channel_join"},
            {"text": "Said later.", "ts": "901.0"},
        ) == ["winches & cranes", "It slips."]
        assert slack.count("conversations.replies") == 1


def test_however_much_was_said_little_is_read() -> None:
    with ScriptedSlack() as slack:
        said = earlier(slack, *({"text": f"Message {n}"} for n in range(100)))
        assert said == [f"Message {n}" for n in range(100 - MAX_MESSAGES, 100)]
        said = earlier(slack, *({"text": f"{n} " + "long " * 900} for n in range(10)))
        assert sum(map(len, said)) <= MAX_CHARS
        assert said[-1].startswith("9 ")
        # The end of a thread that is longer is not known: its beginning is what it is about.
        assert earlier(slack, *({"text": f"Message {n}"} for n in range(PAGE + 50))) == [
            "Message 0"
        ]


@pytest.mark.parametrize("asked", [replace(ASKED, ts="1.0"), replace(ASKED, is_alone=True)])
def test_where_nothing_was_said_before_slack_is_not_asked(asked: Asked) -> None:
    with ScriptedSlack() as slack:
        assert earlier(slack, {"text": "Hi"}, asked=asked) == []
        assert slack.calls == []


def test_where_slack_does_not_tell_nothing_was_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "lectern.slack")
    with ScriptedSlack() as slack:
        slack.fail("conversations.replies", Failure("missing_scope"))
        assert earlier(slack, {"text": "Hi"}) == []
        slack.delay("conversations.replies", LIMIT_S + 1)
        assert earlier(slack, {"text": "Hi"}) == []
    ours = [one for one in caplog.records if one.name == "lectern.slack"]
    assert [(one.levelname, one.args) for one in ours] == [
        ("WARNING", ("missing_scope",)),
        ("INFO", ("TimeoutError",)),
    ]
