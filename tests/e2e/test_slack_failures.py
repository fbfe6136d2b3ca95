"""What goes wrong between the bot, Slack and the registry: a real server, and a scripted Slack."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from service.slack.calling import RATE_LIMIT_TRIES
from tests.doubles.scripted_llm import MODEL, Reply, ScriptedLlm, say
from tests.doubles.scripted_slack import BOT, CALLS_A_MINUTE, Failure, ScriptedSlack
from tests.doubles.slack_messages import Message
from tests.e2e.server import LecternServer
from tests.e2e.workspace import QUESTION, SENTENCE, Workspace, over_http, section
from tests.postgres import own_postgres

STALLED = Reply(pieces=("The anchor weighs 90 kilograms [1]. " * 10,), stall=True)


@pytest.fixture(scope="module")
def running(make_data_dir: Callable[[], Path]) -> Iterator[tuple[LecternServer, ScriptedSlack]]:
    with (
        ScriptedSlack() as slack,
        LecternServer(make_data_dir(), **over_http(slack)) as lectern,
    ):
        lectern.add("anchor.txt", f"{SENTENCE} It is made of iron.".encode())
        yield lectern, slack
        assert slack.broken_rules == []


@pytest.fixture
def workspace(running: tuple[LecternServer, ScriptedSlack]) -> Workspace:
    return Workspace(*running)


@contextmanager
def writing(data_dir: Path, llm: ScriptedLlm) -> Iterator[Workspace]:
    """A workspace whose bot writes with this model."""
    with (
        ScriptedSlack() as slack,
        LecternServer(
            data_dir,
            **over_http(slack),
            LECTERN_LLM=llm.base_url,
            LECTERN_LLM_MODEL=MODEL,
        ) as lectern,
    ):
        lectern.add("anchor.txt", SENTENCE.encode())
        yield Workspace(lectern, slack)
        assert slack.broken_rules == []


def a_minute_passes(lectern: LecternServer) -> None:
    """So that nothing is leased any more."""
    with sqlite3.connect(lectern.data_dir / "registry.sqlite") as registry:
        registry.execute(
            "UPDATE slack_events SET lease_until = '2020-01-01 00:00:00.000000' "
            "WHERE lease_until IS NOT NULL"
        )


def is_complete(message: Message) -> bool:
    return any(block["type"] == "context_actions" for block in message.blocks)


def wait_until(met: Callable[[], bool], timeout_s: float = 30.0) -> None:
    until = time.monotonic() + timeout_s
    while not met():
        assert time.monotonic() < until
        time.sleep(0.2)


def test_where_nothing_can_be_streamed_a_message_is_edited(workspace: Workspace) -> None:
    workspace.slack.fail("chat.startStream", Failure("unknown_method"))
    event = workspace.message(f"<@{BOT}> {QUESTION}")
    workspace.send(event)
    for _ in range(100):
        there = workspace.slack.in_thread(event["ts"])
        if there and "Sources" in section(there[0].blocks):
            break
        time.sleep(0.1)
    [reply] = workspace.slack.in_thread(event["ts"])
    assert SENTENCE in reply.text
    assert "Sources" in section(reply.blocks)


@pytest.mark.parametrize("method", ["chat.startStream", "chat.stopStream"])
@pytest.mark.parametrize(
    "error", ["message_not_in_streaming_state", "internal_error", "msg_too_long"]
)
def test_a_stream_that_fails_goes_on_as_an_edited_message(
    workspace: Workspace, method: str, error: str
) -> None:
    workspace.slack.fail(method, Failure(error))
    event = workspace.message(f"<@{BOT}> {QUESTION}")
    workspace.send(event)
    for _ in range(100):
        there = [one for one in workspace.slack.in_thread(event["ts"]) if not one.is_open]
        if there and "Sources" in section(there[-1].blocks):
            break
        time.sleep(0.1)
    [reply] = workspace.slack.in_thread(event["ts"])
    assert SENTENCE in reply.text
    assert "Sources" in section(reply.blocks)


def answered(workspace: Workspace, event: dict[str, Any]) -> Message:
    """The one message there, once it has all of the answer."""
    slack = workspace.slack
    slack.wait_for(lambda: any(map(is_complete, slack.in_thread(event["ts"]))), "all of it", 60.0)
    [reply] = slack.in_thread(event["ts"])
    assert SENTENCE in reply.text + json.dumps(reply.blocks)
    assert "did not take" not in json.dumps(reply.blocks)
    return reply


@pytest.mark.parametrize("method", ["chat.postMessage", "chat.stopStream"])
def test_a_rate_limit_is_waited_for(workspace: Workspace, method: str) -> None:
    if method == "chat.postMessage":
        workspace.slack.fail("chat.startStream", Failure("unknown_method"))
    workspace.slack.fail(method, Failure("ratelimited", 429, retry_after_s=1))
    event = workspace.mention()
    workspace.send(event)
    answered(workspace, event)


def test_where_no_stream_may_begin_now_a_message_is_edited_at_once(workspace: Workspace) -> None:
    workspace.slack.fail("chat.startStream", Failure("ratelimited", 429, retry_after_s=50))
    before = workspace.slack.count("chat.startStream")
    event = workspace.mention()
    workspace.send(event)
    answered(workspace, event)
    assert workspace.slack.count("chat.startStream") == before + 1


@pytest.mark.parametrize("method", ["chat.postMessage", "chat.stopStream"])
def test_an_end_that_slack_limits_beyond_patience_is_written_later(
    workspace: Workspace, method: str
) -> None:
    limited = Failure("ratelimited", 429, retry_after_s=0)
    if method == "chat.postMessage":
        workspace.slack.fail("chat.startStream", limited)
    workspace.slack.fail(method, *[limited] * (2 * (RATE_LIMIT_TRIES + 1) + 1))
    event = workspace.mention()
    workspace.send(event)
    answered(workspace, event)
    assert workspace.slack.wait_for_end(event["ts"])[0].is_open is False


def test_more_questions_than_streams_may_begin_in_a_minute_are_all_answered(
    workspace: Workspace,
) -> None:
    workspace.slack.minds_limits = True
    try:
        events = [workspace.mention() for _ in range(CALLS_A_MINUTE["chat.startStream"] + 10)]
        for event in events:
            workspace.send(event)
        for event in events:
            answered(workspace, event)
    finally:
        workspace.slack.minds_limits = False


def test_what_goes_wrong_is_said_in_the_thread(workspace: Workspace) -> None:
    event = workspace.message(f"<@{BOT}> " + "why " * 3000)
    workspace.send(event)
    [reply] = workspace.slack.wait_for_end(event["ts"])
    assert "characters" in reply.text
    empty = workspace.message(f"<@{BOT}>  ")
    workspace.send(empty)
    [asked] = workspace.slack.wait_for_end(empty["ts"])
    assert "Ask me something" in asked.text


def test_a_restart_in_mid_answer_says_so(
    make_data_dir: Callable[[], Path], llm: ScriptedLlm
) -> None:
    llm.script(STALLED)
    with writing(make_data_dir(), llm) as workspace:
        lectern, slack = workspace.lectern, workspace.slack
        event = workspace.mention()
        workspace.send(event)
        waiting = workspace.mention("And what is it made of?", thread_ts=event["ts"])
        workspace.send(waiting)
        slack.wait_for(lambda: bool(slack.in_thread(event["ts"])), "the beginning")
        assert lectern.stop() in {0, -15}
        told = slack.wait_for_end(event["ts"], count=2)
        assert ["being restarted" in json.dumps(one.blocks) for one in told] == [True, True]
        lectern.start()
        llm.script(say(f"{SENTENCE[:-1]} [1]."))
        assert workspace.send(event).status_code == 200  # Slack sends it once more
        again = workspace.mention(thread_ts=event["ts"])
        workspace.send(again)
        slack.wait_for_end(event["ts"], count=3)
        time.sleep(0.3)
        assert len(slack.in_thread(event["ts"])) == 3


def test_a_thread_is_told_that_whoever_answered_was_killed(
    make_data_dir: Callable[[], Path], llm: ScriptedLlm
) -> None:
    llm.script(STALLED)
    with writing(make_data_dir(), llm) as workspace:
        lectern, slack = workspace.lectern, workspace.slack
        answered = workspace.message(f"<@{BOT}>  ")
        workspace.send(answered)
        slack.wait_for_end(answered["ts"])
        event = workspace.mention()
        workspace.send(event)
        slack.wait_for(lambda: bool(slack.in_thread(event["ts"])), "the beginning")
        lectern.kill()
        a_minute_passes(lectern)
        lectern.start()
        slack.wait_for(lambda: len(slack.in_thread(event["ts"])) == 2, "a word")
        assert "was cut off" in json.dumps(slack.in_thread(event["ts"])[1].blocks)
        status = slack.sessions.of
        slack.wait_for(lambda: status(event["channel"], event["ts"]) == "active", "the end")
        lectern.kill()
        lectern.start()
        assert workspace.send(event).status_code == 200
        time.sleep(0.5)
        assert len(slack.in_thread(event["ts"])) == 2
        assert len(slack.in_thread(answered["ts"])) == 1


def test_an_answer_whose_document_is_deleted_meanwhile_is_withdrawn(
    make_data_dir: Callable[[], Path], llm: ScriptedLlm
) -> None:
    pieces = tuple(f"The anchor weighs 90 kilograms and {n} grams [1]. " for n in range(400))
    llm.script(Reply(pieces=pieces, pause_s=0.05))
    with writing(make_data_dir(), llm) as workspace:
        event = workspace.mention()
        workspace.send(event)
        slack = workspace.slack
        slack.wait_for(lambda: bool(slack.in_thread(event["ts"])), "the beginning")
        [document] = workspace.lectern.http.get("/documents").json()["documents"]
        workspace.lectern.http.delete(f"/documents/{document['id']}")
        slack.wait_for(lambda: "was deleted" in slack.in_thread(event["ts"])[0].text)
        [reply] = slack.in_thread(event["ts"])
        assert "kilograms" not in reply.text + json.dumps(reply.blocks)


def test_a_revoked_token_is_in_the_log_and_slack_sends_again(workspace: Workspace) -> None:
    slack, log = workspace.slack, workspace.lectern.log
    slack.refuse_token("token_revoked")
    first = workspace.mention()
    assert workspace.send(first).status_code == 200  # it was good until now
    wait_until(lambda: "Slack refuses SLACK_BOT_TOKEN (token_revoked)" in log.read_text())
    second = workspace.mention()
    assert workspace.send(second).status_code == 503
    assert workspace.lectern.http.get("/readyz").status_code == 200
    slack.refuse_token(None)
    wait_until(lambda: workspace.send(second).status_code == 200)
    assert SENTENCE in slack.wait_for_end(second["ts"])[0].text
    a_minute_passes(workspace.lectern)
    [told] = slack.wait_for_end(first["ts"], timeout_s=40.0)
    assert "was cut off" in json.dumps(told.blocks)


def test_a_registry_that_is_slow_delays_the_answer_and_no_more(workspace: Workspace) -> None:
    event = workspace.mention()
    with sqlite3.connect(workspace.lectern.data_dir / "registry.sqlite") as other:
        other.execute("BEGIN IMMEDIATE")
        begun_s = time.monotonic()
        assert workspace.send(event).status_code == 503
        assert time.monotonic() - begun_s < 3
        other.rollback()
    assert SENTENCE in workspace.slack.wait_for_end(event["ts"])[0].text
    assert workspace.send(event).status_code == 200
    time.sleep(0.5)
    assert len(workspace.slack.in_thread(event["ts"])) == 1


def test_while_the_registry_is_away_slack_sends_again(make_data_dir: Callable[[], Path]) -> None:
    with (
        own_postgres() as database,
        ScriptedSlack() as slack,
        LecternServer(make_data_dir(), **over_http(slack), DATABASE_URL=database.url) as lectern,
    ):
        lectern.add("anchor.txt", SENTENCE.encode())
        workspace = Workspace(lectern, slack)
        event = workspace.mention()
        database.stop("immediate")
        assert workspace.send(event).status_code == 503
        database.start()
        wait_until(lambda: workspace.send(event).status_code == 200)
        assert workspace.send(event).status_code == 200
        assert SENTENCE in slack.wait_for_end(event["ts"])[0].text
        time.sleep(0.5)
        assert len(slack.in_thread(event["ts"])) == 1


@pytest.mark.parametrize("method", ["chat.startStream", "chat.appendStream", "chat.stopStream"])
@pytest.mark.parametrize("is_done", [False, True])
def test_a_call_without_an_answer_costs_nothing_of_the_text(
    make_data_dir: Callable[[], Path], llm: ScriptedLlm, method: str, is_done: bool
) -> None:
    sentences = [f"The anchor weighs 90 kilograms, {n} [1]. " for n in range(20)]
    llm.script(say(*sentences))
    with writing(make_data_dir(), llm) as workspace:
        workspace.slack.fail(method, Failure(is_lost=True, is_done=is_done))
        event = workspace.mention()
        workspace.send(event)
        slack = workspace.slack
        slack.wait_for(lambda: any(map(is_complete, slack.in_thread(event["ts"]))))
        [reply] = filter(is_complete, slack.in_thread(event["ts"]))
        marked = [block["text"] for block in reply.blocks if block["type"] == "markdown"]
        said = marked[0] if marked else reply.text
        for sentence in sentences:
            assert said.count(sentence.partition(" [1]")[0] + " ") == 1


def test_a_stream_that_ends_by_itself_goes_on_as_a_message(
    make_data_dir: Callable[[], Path], llm: ScriptedLlm
) -> None:
    pieces = tuple(f"The anchor weighs 90 kilograms, {n} [1]. " for n in range(40))
    llm.script(Reply(pieces=pieces, pause_s=0.05))
    with writing(make_data_dir(), llm) as workspace:
        slack = workspace.slack
        event = workspace.mention()
        workspace.send(event)
        slack.wait_for(lambda: bool(slack.in_thread(event["ts"])), "the beginning")
        slack.end_streams()
        slack.wait_for(lambda: is_complete(slack.in_thread(event["ts"])[0]), "the end")
        [reply] = slack.in_thread(event["ts"])
        assert "kilograms, 0 " in json.dumps(reply.blocks)
        assert "kilograms, 39 " in json.dumps(reply.blocks)


def test_what_slack_does_not_take_in_the_midst_of_an_answer_is_said_in_the_thread(
    workspace: Workspace,
) -> None:
    colours = ", ".join(f"colour {number} and again" for number in range(20))
    workspace.lectern.add("buoy.txt", f"The buoy was painted in {colours}.".encode())
    limited = Failure("ratelimited", 429, retry_after_s=0)
    workspace.slack.fail("chat.startStream", limited)
    workspace.slack.fail("chat.postMessage", *[limited] * (RATE_LIMIT_TRIES + 1))
    event = workspace.mention("In what colours was the buoy painted?")
    workspace.send(event)
    there = workspace.slack.in_thread
    workspace.slack.wait_for(
        lambda: any("limits how much" in json.dumps(one.blocks) for one in there(event["ts"]))
    )
    assert len(there(event["ts"])) == 1
