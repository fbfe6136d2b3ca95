"""What a thread shows of work that is going on: a real server, and a scripted Slack."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.scripted_llm import Reply, ScriptedLlm, say
from tests.doubles.scripted_slack import Failure
from tests.e2e.workspace import QUESTION, SENTENCE, Workspace, where_a_model_writes

ANSWER = say(f"{SENTENCE[:-1]} [1].")
AGENTS, OTHERS = "agents.sessions.setStatus", "assistant.threads.setStatus"


@pytest.fixture(scope="module")
def workspace(make_data_dir: Callable[[], Path], llm: ScriptedLlm) -> Iterator[Workspace]:
    with where_a_model_writes(llm, make_data_dir()) as opened:
        yield opened


@pytest.fixture(autouse=True)
def afresh(workspace: Workspace, llm: ScriptedLlm) -> Iterator[None]:
    llm.script(ANSWER)
    yield
    for method in (AGENTS, OTHERS, "chat.startStream"):
        workspace.slack.fail_no_more(method)


def status(workspace: Workspace, event: dict[str, Any]) -> str | None:
    return workspace.slack.sessions.of(event["channel"], event["ts"])


def asked(workspace: Workspace, text: str) -> None:
    """A question that was answered, and whose thread shows nothing any more."""
    event = workspace.mention(text)
    workspace.send(event)
    workspace.slack.wait_for_end(event["ts"])
    workspace.slack.wait_for(lambda: status(workspace, event) == "active", "the end")


def test_what_is_edited_or_posted_is_followed_by_its_end(workspace: Workspace) -> None:
    before = workspace.slack.count(AGENTS)
    workspace.slack.fail("chat.startStream", Failure("unknown_method"))
    for text in (QUESTION, "", "why " * 3000):
        asked(workspace, text)
    assert workspace.slack.count(AGENTS) - before == 6


def test_a_sign_that_slack_takes_late_does_not_stay(workspace: Workspace) -> None:
    workspace.slack.delay(AGENTS, 2.0)
    event = workspace.mention()
    before = workspace.slack.count(AGENTS)
    workspace.send(event)
    [reply] = workspace.slack.wait_for_end(event["ts"])
    assert SENTENCE[:-1] in reply.text
    assert workspace.slack.count(AGENTS) == before  # nothing waited for it
    workspace.slack.wait_for(lambda: workspace.slack.count(AGENTS) - before == 2, "the end")
    workspace.slack.wait_for(lambda: status(workspace, event) == "active", "the end")


@pytest.mark.parametrize(
    ("failure", "calls"),
    [
        (Failure("ratelimited", 429, retry_after_s=600), [AGENTS]),
        (Failure(status=500), [AGENTS, AGENTS]),  # the SDK tries it once more
        (Failure("thread_not_found"), [AGENTS, OTHERS]),
    ],
)
def test_an_answer_fails_for_none_of_it(
    workspace: Workspace, failure: Failure, calls: list[str]
) -> None:
    slack = workspace.slack
    before = len(slack.calls)
    for method in calls:
        slack.fail(method, failure)

    def called() -> list[str]:
        return [name for name, _ in slack.calls[before:] if name in {AGENTS, OTHERS}]

    event = workspace.mention()
    workspace.send(event)
    [reply] = slack.wait_for_end(event["ts"])
    assert SENTENCE[:-1] in reply.text
    slack.wait_for(lambda: called()[: len(calls)] == calls, "the refusals")
    before = len(slack.calls)
    asked(workspace, QUESTION)
    slack.wait_for(lambda: bool(called()), "a sign")
    assert OTHERS not in called()  # the app is an agent all the same


def stopped(workspace: Workspace, event: dict[str, Any]) -> None:
    """Somebody presses the button; Slack tells of it more than once."""
    pressed = workspace.slack.press_stop(event["channel"], event["ts"])
    for _ in range(2):
        body = workspace.body(pressed, f"Ev{pressed['event_ts']}")
        assert workspace.post(body).status_code == 200


def test_a_thread_shows_that_it_is_answered_before_there_is_anything_to_read(
    workspace: Workspace, llm: ScriptedLlm
) -> None:
    llm.script(Reply(stall=True))
    before = len(llm.requests)
    event = workspace.mention(f"{QUESTION} &lt;!here&gt;")
    workspace.send(event)
    slack = workspace.slack
    slack.wait_for(lambda: status(workspace, event) == "processing", "a sign")
    assert slack.in_thread(event["ts"]) == []
    assert slack.sessions.titles[event["channel"], event["ts"]] == f"{QUESTION} &lt;!here&gt;"
    waiting = workspace.mention("And what is it made of?", thread_ts=event["ts"])
    workspace.send(waiting)
    wait_for_question(llm, before)
    stopped(workspace, event)
    [told] = slack.wait_for_end(event["ts"])
    assert told.text == "I stopped."
    assert llm.wait_until_client_left(20)
    slack.wait_for(lambda: status(workspace, event) == "active", "the end")
    # What was asked there waits no more, and the next question is answered.
    llm.script(ANSWER)
    workspace.send(workspace.mention(thread_ts=event["ts"]))
    _, reply = slack.wait_for_end(event["ts"], count=2)
    assert SENTENCE[:-1] in reply.text
    assert len(slack.in_thread(event["ts"])) == 2


def test_the_button_stops_a_stream(workspace: Workspace, llm: ScriptedLlm) -> None:
    event = streaming(workspace, llm)
    stopped(workspace, event)
    reply, told = workspace.slack.wait_for_end(event["ts"], count=2)
    assert told.text.startswith("I stopped. ")
    assert "lacks its sources" in told.text
    assert llm.wait_until_client_left(20)
    workspace.slack.wait_for(lambda: status(workspace, event) == "active", "the end")
    assert (reply.edits, reply.blocks) == (0, [])
    assert len(workspace.slack.in_thread(event["ts"])) == 2


def test_a_stop_that_another_replica_hears_of_ends_the_stream_without_a_word(
    workspace: Workspace, llm: ScriptedLlm
) -> None:
    event = streaming(workspace, llm)
    workspace.slack.press_stop(event["channel"], event["ts"])
    assert llm.wait_until_client_left(20)
    workspace.slack.wait_for(lambda: status(workspace, event) == "active", "the end")
    [reply] = workspace.slack.in_thread(event["ts"])
    assert (reply.edits, reply.blocks) == (0, [])


def test_a_stop_that_slack_sends_again_ends_nothing_that_was_asked_since(
    workspace: Workspace, llm: ScriptedLlm
) -> None:
    event = streaming(workspace, llm)
    pressed = workspace.slack.press_stop(event["channel"], event["ts"])
    body = workspace.body(pressed, f"Ev{pressed['event_ts']}")
    workspace.post(body)
    assert llm.wait_until_client_left(20)
    since = {"thread_ts": event["ts"], "ts": f"{float(pressed['event_ts']) + 1:.6f}"}
    streaming(workspace, llm, 40, count=3, **since)
    assert workspace.post(body).status_code == 200
    *_, reply = workspace.slack.wait_for_end(event["ts"], count=3)
    assert "and 39 grams" in reply.text
    assert reply.blocks != []


def streaming(
    workspace: Workspace,
    llm: ScriptedLlm,
    pieces: int = 400,
    *,
    count: int = 1,
    **changed: Any,  # noqa: ANN401
) -> dict[str, Any]:
    """A question whose answer has begun, and goes on for long; it is message `count` there."""
    said = tuple(f"The anchor weighs 90 kilograms and {n} grams [1]. " for n in range(pieces))
    llm.script(Reply(pieces=said, pause_s=0.05))
    event = workspace.mention(**changed)
    thread_ts = event.get("thread_ts", event["ts"])
    workspace.send(event)
    slack = workspace.slack
    slack.wait_for(lambda: len(slack.in_thread(thread_ts)) >= count, "the beginning")
    return event


def wait_for_question(llm: ScriptedLlm, before: int) -> None:
    """Until the model has been asked once more."""
    until = time.monotonic() + 20
    while len(llm.requests) == before:
        assert time.monotonic() < until
        time.sleep(0.05)
