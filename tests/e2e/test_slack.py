"""The Slack bot: a real server, and a scripted Slack that minds Slack's rules."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.doubles.scripted_llm import MODEL, Reply, ScriptedLlm, say
from tests.doubles.scripted_slack import (
    BOT,
    CHANNEL,
    DIRECT,
    SECRET,
    TEAM,
    TOKEN,
    USER,
    Failure,
    ScriptedSlack,
    signed,
)
from tests.e2e.server import LecternServer

QUESTION = "What does the anchor weigh?"
SENTENCE = "The anchor weighs 90 kilograms."
# A document cannot call anybody.
HOSTILE = "<!channel> <@U2> The crane lifts 40 tons <https://evil.example|today>."


@pytest.fixture(scope="module")
def running(make_data_dir: Callable[[], Path]) -> Iterator[tuple[LecternServer, ScriptedSlack]]:
    with (
        ScriptedSlack() as slack,
        LecternServer(
            make_data_dir(),
            SLACK_BOT_TOKEN=TOKEN,
            SLACK_SIGNING_SECRET=SECRET,
            LECTERN_SLACK_API_URL=slack.api_url,
            LECTERN_PUBLIC_URL="https://lectern.example.org/ask",
        ) as lectern,
    ):
        lectern.add("anchor.txt", f"{SENTENCE} It is made of iron.".encode())
        lectern.add("crane.txt", HOSTILE.encode())
        yield lectern, slack
        assert slack.broken_rules == []


class Workspace:
    """What people do in Slack, as it tells the bot."""

    stamps = itertools.count(1)

    def __init__(self, lectern: LecternServer, slack: ScriptedSlack) -> None:
        self.lectern = lectern
        self.slack = slack

    def message(self, text: str, **changed: Any) -> dict[str, Any]:  # noqa: ANN401
        ts = f"1600000000.{next(self.stamps):06d}"
        event = {"type": "app_mention", "user": USER, "channel": CHANNEL, "ts": ts, "text": text}
        return event | changed

    def body(self, event: dict[str, Any], event_id: str | None = None) -> dict[str, Any]:
        return {
            "type": "event_callback",
            "token": "t",
            "team_id": TEAM,
            "api_app_id": "A1",
            "event": event,
            "event_id": event_id or f"Ev{event['ts']}",
            "event_time": int(time.time()),
            "authorizations": [{"team_id": TEAM, "user_id": BOT, "is_bot": True}],
        }

    def send(self, event: dict[str, Any], **how: Any) -> httpx.Response:  # noqa: ANN401
        return self.post(self.body(event), **how)

    def post(self, body: dict[str, Any], **signing: Any) -> httpx.Response:  # noqa: ANN401
        raw = json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **signed(raw, **signing)}
        return self.lectern.http.post("/slack/events", content=raw, headers=headers)


@pytest.fixture
def workspace(running: tuple[LecternServer, ScriptedSlack]) -> Workspace:
    return Workspace(*running)


def section(blocks: list[dict[str, Any]]) -> str:
    return "\n".join(one["text"]["text"] for one in blocks if one["type"] == "section")


def test_a_mention_is_answered_in_its_thread_with_sources(workspace: Workspace) -> None:
    event = workspace.message(f"<@{BOT}> {QUESTION}")
    begun_s = time.monotonic()
    assert workspace.send(event).status_code == 200
    assert time.monotonic() - begun_s < 3
    [reply] = workspace.slack.wait_for_end(event["ts"])
    assert reply.channel == CHANNEL
    assert SENTENCE in reply.text
    assert "<https://lectern.example.org/ask/?document=" in section(reply.blocks)
    assert f"anchor.txt, page 1>: “{SENTENCE}”" in section(reply.blocks)
    streamed = [name for name, given in workspace.slack.calls if given.get("channel") == CHANNEL]
    assert streamed[:1] == ["chat.startStream"]


def test_what_slack_did_not_sign_is_refused(workspace: Workspace) -> None:
    before = len(workspace.slack.calls)
    event = workspace.message(f"<@{BOT}> {QUESTION}")
    assert workspace.send(event, secret="another").status_code == 401  # noqa: S106
    assert workspace.send(event, at_s=time.time() - 3600).status_code == 401
    challenge = workspace.post({"type": "url_verification", "token": "t", "challenge": "abc"})
    assert "abc" in challenge.text
    assert [name for name, _ in workspace.slack.calls[before:] if name.startswith("chat.")] == []


def test_nothing_is_answered_twice_nor_to_bots(workspace: Workspace) -> None:
    event = workspace.message(f"<@{BOT}> {QUESTION}")
    for _ in range(3):  # Slack tries again
        assert workspace.send(event).status_code == 200
    # The same message comes as a mention, and as a message of its channel.
    workspace.post(workspace.body(event | {"type": "message", "thread_ts": event["ts"]}, "EvOther"))
    ignored = [
        workspace.message(QUESTION, type="message", bot_id="B9", channel_type="im"),
        workspace.message(QUESTION, type="message", user=BOT, channel_type="im"),
        workspace.message(QUESTION, type="message", subtype="message_changed", channel_type="im"),
        workspace.message(QUESTION, type="message", channel_type="channel"),
        workspace.message(QUESTION, type="message", thread_ts="1500000000.000001"),
    ]
    for one in ignored:
        assert workspace.send(one).status_code == 200
    last = workspace.message(f"<@{BOT}> {QUESTION}")
    workspace.send(last)
    workspace.slack.wait_for_end(last["ts"])
    workspace.slack.wait_for_end(event["ts"])
    time.sleep(0.5)
    assert len(workspace.slack.in_thread(event["ts"])) == 1
    for one in ignored:
        assert workspace.slack.in_thread(one.get("thread_ts", one["ts"])) == []


def test_a_thread_is_a_conversation_and_needs_no_further_mention(workspace: Workspace) -> None:
    first = workspace.message(QUESTION, type="message", channel=DIRECT, channel_type="im")
    workspace.send(first)
    workspace.slack.wait_for_end(first["ts"])
    follow_up = workspace.message(
        "And what is it made of?",
        type="message",
        channel=DIRECT,
        channel_type="im",
        thread_ts=first["ts"],
    )
    workspace.send(follow_up)
    workspace.slack.wait_for_end(first["ts"], count=2)
    listed = workspace.lectern.http.get("/conversations").json()["conversations"]
    assert next(one["turn_count"] for one in listed if one["title"] == QUESTION) == 2


def test_a_document_mentions_nobody(workspace: Workspace) -> None:
    event = workspace.message(f"<@{BOT}> What does the crane lift?")
    workspace.send(event)
    [reply] = workspace.slack.wait_for_end(event["ts"])
    assert "&lt;!channel&gt;" in reply.text + section(reply.blocks)


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


def test_two_questions_at_once_in_a_new_thread_are_one_conversation(workspace: Workspace) -> None:
    first = workspace.message(f"<@{BOT}> What is the anchor made of?")
    second = workspace.message(f"<@{BOT}> {QUESTION}", thread_ts=first["ts"])
    for event in (first, second):
        workspace.send(event)
    workspace.slack.wait_for_end(first["ts"], count=2)
    listed = workspace.lectern.http.get("/conversations").json()["conversations"]
    titles = {"What is the anchor made of?"}
    assert [one["turn_count"] for one in listed if one["title"] in titles] == [2]


def test_what_is_no_message_of_slacks_is_refused_without_a_trace(workspace: Workspace) -> None:
    for raw in (b"\xff\xfe", b"{x", b"[]", b"[" * 5000):
        for headers in ({}, {"X-Slack-Request-Timestamp": "abc", "X-Slack-Signature": "v0=x"}):
            answer = workspace.lectern.http.post("/slack/events", content=raw, headers=headers)
            assert answer.status_code == 401
    assert "Traceback" not in workspace.lectern.log.read_text()


def test_a_rate_limit_is_waited_for(workspace: Workspace) -> None:
    workspace.slack.fail("chat.startStream", Failure("ratelimited", 429, retry_after_s=1))
    event = workspace.message(f"<@{BOT}> {QUESTION}")
    workspace.send(event)
    [reply] = workspace.slack.wait_for_end(event["ts"])
    assert SENTENCE in reply.text


def test_what_goes_wrong_is_said_in_the_thread(workspace: Workspace) -> None:
    event = workspace.message(f"<@{BOT}> " + "why " * 3000)
    workspace.send(event)
    [reply] = workspace.slack.wait_for_end(event["ts"])
    assert "characters" in reply.text
    empty = workspace.message(f"<@{BOT}>  ")
    workspace.send(empty)
    [asked] = workspace.slack.wait_for_end(empty["ts"])
    assert "Ask me something" in asked.text


def test_a_rating_is_kept(workspace: Workspace) -> None:
    event = workspace.message(f"<@{BOT}> {QUESTION}")
    workspace.send(event)
    [reply] = workspace.slack.wait_for_end(event["ts"])
    buttons = reply.blocks[-1]["elements"][0]
    action = {
        "type": "feedback_buttons",
        "action_id": buttons["action_id"],
        "block_id": "b",
        "value": buttons["negative_button"]["value"],
    }
    payload = {
        "type": "block_actions",
        "team": {"id": TEAM},
        "user": {"id": USER},
        "api_app_id": "A1",
        "token": "t",
        "actions": [action],
    }
    raw = httpx.Request("POST", "http://x", data={"payload": json.dumps(payload)}).read()
    answer = workspace.lectern.http.post(
        "/slack/events",
        content=raw,
        headers={"Content-Type": "application/x-www-form-urlencoded", **signed(raw)},
    )
    assert answer.status_code == 200
    answer_id = action["value"].removeprefix("down ")
    for _ in range(100):
        found = workspace.lectern.http.get(f"/answers/{answer_id}").json()
        if found["rating"]:
            break
        time.sleep(0.05)
    assert found["rating"] == "down"


def test_fifty_questions_at_once_each_have_their_answer(workspace: Workspace) -> None:
    events = [workspace.message(f"<@{BOT}> {QUESTION}") for _ in range(50)]
    for event in events:
        assert workspace.send(event).status_code == 200
    for event in events:
        [reply] = workspace.slack.wait_for_end(event["ts"])
        assert SENTENCE in reply.text


def test_a_restart_in_mid_answer_says_so(
    make_data_dir: Callable[[], Path], llm: ScriptedLlm
) -> None:
    llm.script(Reply(pieces=("The anchor weighs 90 kilograms [1]. " * 10,), stall=True))
    with (
        ScriptedSlack() as slack,
        LecternServer(
            make_data_dir(),
            SLACK_BOT_TOKEN=TOKEN,
            SLACK_SIGNING_SECRET=SECRET,
            LECTERN_SLACK_API_URL=slack.api_url,
            LECTERN_LLM=llm.base_url,
            LECTERN_LLM_MODEL=MODEL,
        ) as lectern,
    ):
        lectern.add("anchor.txt", SENTENCE.encode())
        workspace = Workspace(lectern, slack)
        event = workspace.message(f"<@{BOT}> {QUESTION}")
        workspace.send(event)
        for _ in range(100):
            if slack.in_thread(event["ts"]):
                break
            time.sleep(0.1)
        assert lectern.stop() in {0, -15}
        [reply] = slack.wait_for_end(event["ts"])
        assert "being restarted" in json.dumps(reply.blocks)
        lectern.start()
        llm.script(say(f"{SENTENCE[:-1]} [1]."))
        assert workspace.send(event).status_code == 200  # Slack sends it once more
        again = workspace.message(f"<@{BOT}> {QUESTION}", thread_ts=event["ts"])
        workspace.send(again)
        slack.wait_for_end(event["ts"], count=2)
        time.sleep(0.3)
        assert len(slack.in_thread(event["ts"])) == 2
