"""Events and interactions over HTTP: a real server, a scripted Slack that minds Slack's rules."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.scripted_slack import BOT, CHANNEL, DIRECT, USER, Failure, ScriptedSlack
from tests.e2e.server import LecternServer
from tests.e2e.workspace import QUESTION, SENTENCE, Workspace, element, over_http, section, texts_of

# A document cannot call anybody.
HOSTILE = "<!channel> <@U2> The crane lifts 40 tons <https://evil.example|today>."


@pytest.fixture(scope="module")
def running(make_data_dir: Callable[[], Path]) -> Iterator[tuple[LecternServer, ScriptedSlack]]:
    with (
        ScriptedSlack() as slack,
        LecternServer(
            make_data_dir(),
            **over_http(slack),
            LECTERN_PUBLIC_URL="https://lectern.example.org/ask",
        ) as lectern,
    ):
        lectern.add("anchor.txt", f"{SENTENCE} It is made of iron.".encode())
        lectern.add("crane.txt", HOSTILE.encode())
        yield lectern, slack
        assert slack.broken_rules == []


@pytest.fixture
def workspace(running: tuple[LecternServer, ScriptedSlack]) -> Workspace:
    return Workspace(*running)


def test_a_mention_is_answered_in_its_thread_with_sources(workspace: Workspace) -> None:
    event = workspace.message(f"<@{BOT}> {QUESTION}")
    begun_s = time.monotonic()
    assert workspace.send(event).status_code == 200
    assert time.monotonic() - begun_s < 3
    [reply] = workspace.slack.wait_for_end(event["ts"])
    assert reply.channel == CHANNEL
    assert SENTENCE in reply.text
    assert "<https://lectern.example.org/ask/?document=" in section(reply.blocks)
    assert section(reply.blocks).endswith("anchor.txt, page 1>")
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
    [reply] = workspace.slack.wait_for_end(first["ts"])
    workspace.press(element(reply.blocks, "lectern_quotes"), first["ts"])
    workspace.slack.wait_for(lambda: len(workspace.slack.ephemeral) > 0, "the quotes")
    assert SENTENCE in str(workspace.slack.ephemeral.pop()["blocks"])
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


def test_a_rating_is_kept(workspace: Workspace) -> None:
    event = workspace.message(f"<@{BOT}> {QUESTION}")
    workspace.send(event)
    [reply] = workspace.slack.wait_for_end(event["ts"])
    buttons = element(reply.blocks, "lectern_feedback")
    action = {
        "type": "feedback_buttons",
        "action_id": buttons["action_id"],
        "value": buttons["negative_button"]["value"],
    }
    assert workspace.press(action, event["ts"]).status_code == 200
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


def test_the_quotes_of_an_answer_are_shown_to_whoever_asks(workspace: Workspace) -> None:
    document = workspace.lectern.add("mast.txt", b"The *mast* is 30 metres `high`.")
    event = workspace.mention("How high is the mast?")
    workspace.send(event)
    [reply] = workspace.slack.wait_for_end(event["ts"])
    button = element(reply.blocks, "lectern_quotes")
    assert workspace.press(button, event["ts"]).status_code == 200
    workspace.slack.wait_for(lambda: len(workspace.slack.ephemeral) > 0, "the quotes")
    shown = workspace.slack.ephemeral.pop()
    assert (shown["user"], shown["thread_ts"], shown["channel"]) == (USER, event["ts"], CHANNEL)
    assert "The *mast* is 30 metres `high`." in str(shown["blocks"])
    workspace.lectern.http.delete(f"/documents/{document['id']}")
    workspace.press(button, event["ts"])
    workspace.slack.wait_for(lambda: len(workspace.slack.ephemeral) > 0, "a word about them")
    gone = str(workspace.slack.ephemeral.pop()["blocks"])
    assert "was deleted" in gone
    assert "mast" not in gone


def test_a_message_that_is_forwarded_to_it_is_the_question(workspace: Workspace) -> None:
    forwarded = {"is_share": True, "author_id": "U2", "channel_id": "C4", "text": QUESTION}
    alone = {"type": "message", "channel": DIRECT, "channel_type": "im"}
    event = workspace.sent(workspace.message("", attachments=[forwarded], **alone))
    [reply] = workspace.slack.wait_for_end(event["ts"])
    assert SENTENCE in reply.text


def test_who_asks_for_help_has_it(workspace: Workspace) -> None:
    alone = {"type": "message", "channel": DIRECT, "channel_type": "im"}
    for event in (workspace.message("Help", **alone), workspace.mention("help")):
        [reply] = workspace.slack.wait_for_end(workspace.sent(event)["ts"])
        assert "/lectern use COLLECTION" in section(reply.blocks)
        assert "may have another name" in section(reply.blocks)


def test_who_reads_a_channel_without_being_in_it_is_shown_the_quotes(workspace: Workspace) -> None:
    slack = workspace.slack
    event = workspace.sent(workspace.mention())
    [reply] = slack.wait_for_end(event["ts"])
    slack.fail("chat.postEphemeral", Failure("user_not_in_channel"))
    button = element(reply.blocks, "lectern_quotes")
    pressed = workspace.pressed(button, event["ts"])
    workspace.press(button, event["ts"], id="U9")
    [said] = slack.responses_to(pressed["response_url"].rpartition("/")[2])
    assert said["response_type"] == "ephemeral"
    assert said["thread_ts"] == event["ts"]
    assert said["replace_original"] is False
    assert SENTENCE in texts_of(said["blocks"])


def test_late_doubled_and_reordered_events_are_answered_once_each(workspace: Workspace) -> None:
    now_s = time.time()
    late = [workspace.mention(ts=f"{now_s - 600 + n:.6f}") for n in range(3)]
    for event in [*reversed(late), *late, late[1]]:
        assert workspace.send(event).status_code == 200
    for event in late:
        assert SENTENCE in workspace.slack.wait_for_end(event["ts"])[0].text
    last = workspace.mention()
    workspace.send(last)
    workspace.slack.wait_for_end(last["ts"])
    assert [len(workspace.slack.in_thread(event["ts"])) for event in late] == [1, 1, 1]


def test_a_picture_that_people_show_each_other_in_its_thread_is_not_answered(
    workspace: Workspace,
) -> None:
    event = workspace.mention()
    workspace.send(event)
    workspace.slack.wait_for_end(event["ts"])
    talk = {"type": "message", "channel_type": "channel", "thread_ts": event["ts"]}
    workspace.send(workspace.message("<!here>", **talk))
    workspace.send(workspace.message("", subtype="file_share", files=[{"id": "F1"}], **talk))
    workspace.send(workspace.message("And what is it made of?", **talk))
    answers = workspace.slack.wait_for_end(event["ts"], count=2)
    assert ["iron" in one.text for one in answers] == [False, True]
    [told] = workspace.slack.wait_for_end(workspace.sent(workspace.mention("<!here>"))["ts"])
    assert told.text == "Ask me something about your documents."


def test_in_a_shared_channel_it_says_once_that_it_does_not_answer(workspace: Workspace) -> None:
    before, first = workspace.mention(channel="C5"), workspace.mention(channel="C5")
    workspace.send(before)  # the channel is shared later
    workspace.slack.wait_for_end(before["ts"])

    def shared(event: dict[str, Any]) -> None:
        workspace.post(workspace.body(event) | {"is_ext_shared_channel": True})

    shared(first)
    [told] = workspace.slack.wait_for_end(first["ts"])
    assert "shared with another organisation" in told.text
    talk = {"type": "message", "channel": "C5", "channel_type": "channel"}
    for event in (before, first):
        shared(workspace.message("And what is it made of?", thread_ts=event["ts"], **talk))
    # Nor does it take part once the channel is shared no longer.
    workspace.send(workspace.message("And of what?", thread_ts=first["ts"], **talk))
    again = workspace.mention(channel="C5")
    shared(again)
    workspace.slack.wait_for_end(again["ts"])
    assert [len(workspace.slack.in_thread(one["ts"])) for one in (before, first)] == [1, 1]


def test_an_edited_question_is_not_asked_again(workspace: Workspace) -> None:
    now_s = time.time()
    edited: dict[str, Any] = {"edited": {"user": USER, "ts": f"{now_s:.6f}"}}
    old = workspace.mention(ts=f"{now_s - 25 * 3600:.6f}")
    assert workspace.send(old).status_code == 200
    workspace.slack.wait_for_end(old["ts"])
    forgotten = workspace.mention(ts=f"{now_s - 26 * 3600:.6f}")
    for event in (old, forgotten):
        body = workspace.body(event | edited, f"EvEdited{event['ts']}")
        assert workspace.post(body).status_code == 200
    # Whoever forgot to mention it, may edit that.
    young = workspace.mention(ts=f"{now_s - 3600:.6f}", **edited)
    workspace.send(young)
    workspace.slack.wait_for_end(young["ts"])
    assert [len(workspace.slack.in_thread(one["ts"])) for one in (old, forgotten)] == [1, 0]
