"""An answer as it is written into a thread, against the scripted Slack."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from corpus.registry.slack import SlackThread
from service.slack import streamed
from service.slack.asked import Asked
from service.slack.calling import SLACK_ERRORS, open_session, retry_after_s
from service.slack.pace import Pace, Paces
from service.slack.replying import AnswerStopped, Reply
from service.slack.status import AT_WORK, MAX_REFUSALS, Statuses
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


LIMITED = Failure("ratelimited", 429, retry_after_s=3600)
SOURCES = [{"type": "section", "text": {"type": "mrkdwn", "text": "Sources", "verbatim": True}}]


def test_the_end_of_a_stream_that_slack_limits_is_written_later() -> None:
    with ScriptedSlack() as slack:

        async def use(reply: Reply) -> None:
            for _ in range(20):
                await reply.say(SECRET)
            slack.fail("chat.stopStream", LIMITED)
            with pytest.raises(SLACK_ERRORS) as refused:
                await reply.finish(SOURCES)
            assert retry_after_s(refused.value) == 3600
            assert reply.is_whole
            await reply.finish_again()

        with_reply(slack, use)
        [message] = slack.in_thread(THREAD)
        assert message.text == (SECRET * 20)
        assert (message.blocks, message.edits, message.is_open) == (SOURCES, 0, False)


def test_what_its_reader_stopped_is_neither_gone_on_with_nor_told_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streamed, "APPEND_EVERY_S", 0.0)
    with ScriptedSlack() as slack:

        async def use(reply: Reply) -> None:
            await reply.say(SECRET * 10)
            slack.press_stop(CHANNEL, THREAD)
            slack.calls.clear()
            with pytest.raises(AnswerStopped):
                await reply.say(SECRET * 10)
            await reply.last_word(SOURCES, text="Ask again.")
            assert {name for name, _ in slack.calls} <= {"chat.appendStream", "chat.stopStream"}

        with_reply(slack, use)
        [message] = slack.in_thread(THREAD)
        assert (message.text, message.blocks) == (SECRET * 10, [])


def test_a_stream_that_cannot_be_ended_yet_is_withdrawn_later() -> None:
    with ScriptedSlack() as slack:

        async def use(reply: Reply) -> None:
            for _ in range(700):
                await reply.say(SECRET)
            slack.fail("chat.stopStream", LIMITED)
            with pytest.raises(SLACK_ERRORS) as refused:
                await reply.withdraw(NOTICE)
            assert retry_after_s(refused.value) == 3600
            assert reply.is_whole
            await reply.finish_again()

        said = with_reply(slack, use)
        assert "zirconium" not in said
        assert not any(one.is_open for one in slack.in_thread(THREAD))


def test_where_no_stream_may_begin_a_message_is_edited_at_once() -> None:
    with ScriptedSlack() as slack:
        slack.fail("chat.startStream", LIMITED)

        async def use(reply: Reply) -> None:
            for _ in range(20):
                await reply.say(SECRET)
            assert len(slack.in_thread(THREAD)) == 1
            await reply.finish(())

        with_reply(slack, use)
        assert slack.count("chat.startStream") == 1


@pytest.mark.parametrize("limited", [False, True])
def test_nothing_waits_for_what_may_be_said_later(
    monkeypatch: pytest.MonkeyPatch, *, limited: bool
) -> None:
    monkeypatch.setattr(streamed, "APPEND_EVERY_S", 0.0)
    with ScriptedSlack() as slack:
        if limited:
            slack.fail("chat.appendStream", LIMITED)

        async def use(reply: Reply) -> None:
            for _ in range(100):
                await reply.say(SECRET)
            await reply.finish(())

        with_reply(slack, use)
        [message] = slack.in_thread(THREAD)
        assert (message.text, message.edits) == (SECRET * 100, 0)
        appended = slack.count("chat.appendStream")
        assert appended == 1 if limited else appended > 5


def test_the_more_is_written_at_once_the_less_often_is_each_message() -> None:
    paces = Paces()
    with ScriptedSlack() as slack:
        for other in range(1_000):
            paces.appends.begin(other)

        async def use(reply: Reply) -> None:
            reply.paces = paces
            for _ in range(100):
                await reply.say(SECRET)
            await reply.finish(())

        with_reply(slack, use)
        [message] = slack.in_thread(THREAD)
        assert message.text == SECRET * 100
        assert slack.count("chat.appendStream") == 0


def test_all_messages_together_stay_within_what_slack_takes() -> None:
    pace = Pace(100)
    assert pace.every_s(1.0) == 1.0
    for other in range(20):
        pace.begin(other)
    assert pace.every_s(1.0) == 12.0
    for other in range(20):
        pace.end(other)
    assert pace.every_s(1.0) == 1.0


def test_what_is_edited_slows_no_stream_and_is_slowed_by_none() -> None:
    paces = Paces()
    with ScriptedSlack() as slack:
        slack.fail("chat.startStream", Failure("unknown_method"))

        async def use(reply: Reply) -> None:
            reply.paces = paces
            with paces.writing(reply):
                assert (paces.appends.every_s(0.0), paces.edits.every_s(0.0)) == (0.6, 0.0)
                await reply.say(SECRET * 20)
                assert (paces.appends.every_s(0.0), paces.edits.every_s(0.0)) == (0.0, 1.2)
            await reply.finish(())
            assert paces.edits.every_s(0.0) == 0.0

        with_reply(slack, use)


ASKED = Asked("Ev1", THREAD, SlackThread(TEAM, CHANNEL, THREAD), TEAM, USER, "Why?", True)


def test_a_stream_ends_what_the_thread_shows_by_itself_and_not_before() -> None:
    with ScriptedSlack() as slack:
        sessions = slack.sessions

        async def use(reply: Reply) -> None:
            async with Statuses().while_answering(reply.client, ASKED, reply):
                await asyncio.to_thread(
                    slack.wait_for, lambda: sessions.of(CHANNEL, THREAD) == "processing"
                )
                for _ in range(700):  # more than one message
                    await reply.say(SECRET)
                    assert sessions.of(CHANNEL, THREAD) == "processing"
                await reply.finish(())

        with_reply(slack, use)
        assert len(slack.in_thread(THREAD)) > 1
        assert sessions.of(CHANNEL, THREAD) == "active"
        assert slack.count("agents.sessions.setStatus") == 1


@pytest.mark.parametrize("is_agent", [True, False])
def test_what_a_thread_shows_ends_with_the_last_of_its_answers(*, is_agent: bool) -> None:
    with ScriptedSlack() as slack:
        sessions = slack.sessions
        sessions.is_agent = is_agent
        at_work, done = ("processing", "active") if is_agent else (AT_WORK, "")

        async def use(reply: Reply) -> None:
            statuses, second = Statuses(), Reply(reply.client, CHANNEL, THREAD, TEAM, USER)
            async with statuses.while_answering(reply.client, ASKED, second):
                async with statuses.while_answering(reply.client, ASKED, reply):
                    await reply.say(SECRET)
                    await reply.finish(())
                assert sessions.of(CHANNEL, THREAD) == at_work
                await second.say(SECRET)
                await second.finish(())
            assert sessions.of(CHANNEL, THREAD) == done

        with_reply(slack, use)


def test_an_app_that_is_no_agent_says_so_in_its_own_way() -> None:
    with ScriptedSlack() as slack:
        sessions = slack.sessions
        sessions.is_agent = False

        async def use(reply: Reply) -> None:
            statuses = Statuses()
            for _ in range(3):
                reply.has_stopped_stream = False
                async with statuses.while_answering(reply.client, ASKED, reply):
                    await asyncio.to_thread(
                        slack.wait_for, lambda: bool(sessions.of(CHANNEL, THREAD)), "a sign"
                    )
                assert sessions.of(CHANNEL, THREAD) == ""

        with_reply(slack, use)
        assert slack.count("agents.sessions.setStatus") == MAX_REFUSALS  # and is not asked again
        assert slack.count("assistant.threads.setStatus") == 6


@pytest.mark.parametrize(
    "failure",
    [
        Failure("ratelimited", 429, retry_after_s=600),
        Failure(status=500),
        Failure("internal_error"),
        Failure("thread_not_found"),
        Failure("user_not_in_channel"),
    ],
)
def test_an_agent_that_is_refused_now_and_then_is_one(failure: Failure) -> None:
    with ScriptedSlack() as slack:

        async def use(reply: Reply) -> None:
            statuses = Statuses()
            for _ in range(MAX_REFUSALS):
                slack.fail("agents.sessions.setStatus", failure)
                if failure.status == 500:  # the SDK tries that once more
                    slack.fail("agents.sessions.setStatus", failure)
                await statuses.end(reply.client, CHANNEL, THREAD)
                before = slack.count("assistant.threads.setStatus")
                await statuses.end(reply.client, CHANNEL, THREAD)
                assert slack.count("assistant.threads.setStatus") == before
                assert slack.sessions.of(CHANNEL, THREAD) == "active"

        with_reply(slack, use)


def test_however_often_slack_fails_an_agent_is_one() -> None:
    with ScriptedSlack() as slack:
        slack.fail("agents.sessions.setStatus", *[Failure(status=500)] * 2 * MAX_REFUSALS)

        async def use(reply: Reply) -> None:
            for _ in range(MAX_REFUSALS + 1):
                await statuses.end(reply.client, CHANNEL, THREAD)

        statuses = Statuses()
        with_reply(slack, use)
        assert slack.sessions.of(CHANNEL, THREAD) == "active"
        assert slack.count("assistant.threads.setStatus") == 0
