"""An answer as it is written into a thread, against the scripted Slack."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from service.slack.calling import SLACK_ERRORS, open_session
from service.slack.replying import Reply
from tests.doubles.scripted_slack import CHANNEL, TEAM, TOKEN, USER, Failure, ScriptedSlack

THREAD = "1600000000.000001"
SECRET = "The pass phrase is zirconium. "  # noqa: S105
NOTICE = "A document was deleted."


def with_reply(slack: ScriptedSlack, use: Callable[[Reply], Awaitable[None]]) -> str:
    """All that stands in the thread afterwards."""

    async def run() -> None:
        async with open_session() as session:
            client = AsyncWebClient(TOKEN, base_url=slack.api_url, session=session)
            await use(Reply(client, CHANNEL, THREAD, TEAM, USER))

    asyncio.run(run())
    assert slack.broken_rules == []
    return json.dumps([(one.text, one.blocks) for one in slack.in_thread(THREAD)])


@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize("pieces", [1, 20, 700, 1_000])
def test_an_answer_of_any_length_is_withdrawn(pieces: int, *, streams: bool) -> None:
    with ScriptedSlack() as slack:
        if not streams:
            slack.fail("chat.startStream", Failure("unknown_method"))

        async def use(reply: Reply) -> None:
            for _ in range(pieces):
                await reply.say(SECRET)
            await reply.withdraw(NOTICE)

        said = with_reply(slack, use)
        assert "zirconium" not in said
        assert NOTICE in said


@pytest.mark.parametrize(("pieces", "refused"), [(20, 1), (700, 3)])
def test_a_withdrawal_that_slack_refuses_shows_nothing_of_the_answer_later(
    pieces: int, refused: int
) -> None:
    with ScriptedSlack() as slack:

        async def use(reply: Reply) -> None:
            for _ in range(pieces):
                await reply.say(SECRET)
            slack.calls.clear()
            slack.fail("chat.update", *[Failure("internal_error")] * refused)
            with pytest.raises(SLACK_ERRORS):
                await reply.withdraw(NOTICE)
            await reply.last_word((), text="Slack did not take all of this answer.")

        said = with_reply(slack, use)
        assert "zirconium" not in said
        assert "zirconium" not in json.dumps(slack.calls)
        assert NOTICE in said


@pytest.mark.parametrize("streams", [True, False])
def test_what_becomes_a_link_piece_by_piece_is_none(*, streams: bool) -> None:
    with ScriptedSlack() as slack:
        if not streams:
            slack.fail("chat.startStream", Failure("unknown_method"))

        async def use(reply: Reply) -> None:
            for piece in ("Press [here]", "(https:", "/", "/evil.example)", " [1]", " so:"):
                await reply.say(piece)
            await reply.finish(())

        said = with_reply(slack, use)
        assert "](" not in said
        assert "://" not in said
        assert "[1] so:" in said


@pytest.mark.parametrize("error", ["restricted_action_read_only_channel", "ekm_access_denied"])
def test_where_nothing_may_be_written_nothing_else_is_tried(error: str) -> None:
    with ScriptedSlack() as slack:
        slack.fail("chat.startStream", Failure(error))

        async def use(reply: Reply) -> None:
            with pytest.raises(SLACK_ERRORS):
                await reply.say(SECRET * 20)

        with_reply(slack, use)
        assert [name for name, _ in slack.calls] == ["chat.startStream"]
