"""What people do in Slack beyond asking: commands, channels of their own, files, the pane."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.doubles.scripted_slack import CHANNEL, DIRECT, TEAM, Failure, ScriptedSlack
from tests.e2e.server import LecternServer
from tests.e2e.workspace import QUESTION, SENTENCE, Workspace, element, over_http, texts_of

ANOTHER, ELSEWHERE = "U2", "C2"
# Of a file that somebody drops; nothing else answers it.
SECRET_QUESTION = "What is the pass phrase of the strong room?"  # noqa: S105
SHOWN = {"rich_text", "section"}
SECRET = b"The pass phrase of the strong room is zirconium."


@pytest.fixture(scope="module")
def running(make_data_dir: Callable[[], Path]) -> Iterator[tuple[LecternServer, ScriptedSlack]]:
    with (
        ScriptedSlack() as slack,
        LecternServer(
            make_data_dir(),
            **over_http(slack),
            LECTERN_SLACK_COLLECTIONS="default, harbour",
            LECTERN_SLACK_EMAILS="on",
            LECTERN_OCR="off",
        ) as lectern,
    ):
        lectern.add("anchor.txt", f"{SENTENCE} It is made of iron.".encode())
        lectern.add("crane.txt", b"The anchor of the crane weighs 4 tons.", collection="harbour")
        lectern.add("wages.txt", b"The anchor man earns 90 crowns.", collection="wages")
        yield lectern, slack
        assert slack.broken_rules == []


@pytest.fixture
def workspace(running: tuple[LecternServer, ScriptedSlack]) -> Workspace:
    return Workspace(*running)


def shown(said: dict[str, Any]) -> str:
    return "\n".join(texts_of(one) for one in said["blocks"] if one["type"] in SHOWN)


def asked(workspace: Workspace, text: str, **changed: Any) -> str:  # noqa: ANN401
    event = workspace.mention(text, **changed)
    workspace.send(event)
    [reply] = workspace.slack.wait_for_end(event["ts"])
    return reply.text


def test_a_command_is_answered_to_the_one_who_typed_it(workspace: Workspace) -> None:
    number = workspace.command(QUESTION)
    assert workspace.acknowledged_with == ""
    [said] = workspace.slack.responses_to(number)
    assert said["response_type"] == "ephemeral"
    assert SENTENCE in shown(said)
    assert "Sources" in shown(said)
    assert element(said["blocks"], "lectern_feedback")
    assert said["text"].startswith(SENTENCE)
    [help_] = workspace.slack.responses_to(workspace.command("help"))
    assert "/lectern use COLLECTION" in shown(help_)
    [none] = workspace.slack.responses_to(workspace.command("why " * 3000))
    assert "characters" in json.dumps(none)


def test_a_channel_is_set_to_a_collection(workspace: Workspace) -> None:
    [said] = workspace.slack.responses_to(workspace.command("use harbour", channel_id=ELSEWHERE))
    assert said["response_type"] == "in_channel"
    assert "4 tons" in asked(workspace, QUESTION, channel=ELSEWHERE)
    assert SENTENCE in asked(workspace, QUESTION)
    [private] = workspace.slack.responses_to(workspace.command(QUESTION, channel_id=ELSEWHERE))
    assert "4 tons" in shown(private)
    [settings] = workspace.slack.responses_to(workspace.command("settings", channel_id=ELSEWHERE))
    assert "harbour" in shown(settings)


def test_what_slack_refuses_of_a_response_is_said_in_plain_text(workspace: Workspace) -> None:
    workspace.slack.wire.refuses_blocks = True
    try:
        [said] = workspace.slack.responses_to(workspace.command(QUESTION))
    finally:
        workspace.slack.wire.refuses_blocks = False
    assert SENTENCE in said["text"]


def test_people_of_other_organisations_press_and_type_in_vain(workspace: Workspace) -> None:
    event = workspace.mention()
    workspace.send(event)
    [reply] = workspace.slack.wait_for_end(event["ts"])
    workspace.press(element(reply.blocks, "lectern_quotes"), event["ts"], team_id="T2")
    workspace.slack.wait_for(lambda: len(workspace.slack.ephemeral) > 0, "a word")
    told = json.dumps(workspace.slack.ephemeral.pop())
    assert "another organisation" in told
    assert SENTENCE not in told
    number = workspace.command(QUESTION, team_id="T2")
    assert "another organisation" in workspace.acknowledged_with
    ours = workspace.command("help")
    workspace.slack.responses_to(ours)
    assert workspace.slack.wire.responses[number] == []


@pytest.mark.parametrize("name", ["nowhere", "wages"])
def test_a_collection_that_is_not_for_slack_is_none(workspace: Workspace, name: str) -> None:
    [said] = workspace.slack.responses_to(workspace.command(f"use {name}", channel_id="C9"))
    told = json.dumps(said)
    assert f"There is no collection '{name}'" in told
    assert "default, harbour" in told
    assert SENTENCE in asked(workspace, QUESTION, channel="C9")


def test_a_file_in_a_direct_message_is_read_and_is_that_persons(workspace: Workspace) -> None:
    event = workspace.drop(SECRET_QUESTION, workspace.slack.file("room.txt", SECRET))
    workspace.send(event)
    told, answer = workspace.slack.wait_for_end(event["ts"], count=2, timeout_s=60)
    assert told.text.startswith(":white_check_mark: *room.txt*: 1 page, ready")
    assert told.edits > 0
    assert "zirconium" in answer.text
    # The same person, asking for themselves in a channel; and nobody else.
    [alone] = workspace.slack.responses_to(workspace.command(SECRET_QUESTION))
    assert "zirconium" in shown(alone)
    [other] = workspace.slack.responses_to(workspace.command(SECRET_QUESTION, user_id=ANOTHER))
    assert "zirconium" not in json.dumps(other)
    assert "zirconium" not in asked(workspace, SECRET_QUESTION)
    listed = workspace.lectern.http.get("/documents?filename=room.txt").json()["documents"]
    assert [one["acl"] for one in listed] == [[f"slack:{TEAM}/U1", f"slack:{TEAM}/{DIRECT}"]]


def test_who_is_on_a_list_by_e_mail_is_answered_alone(workspace: Workspace) -> None:
    question = "What does the harbour master drink?"
    workspace.lectern.add(
        "drinks.txt", b"The harbour master drinks tea.", acl='["user:u3@example.org"]'
    )
    event = workspace.drop(question, user="U3", channel="D3", files=[])
    workspace.send(event)
    [reply] = workspace.slack.wait_for_end(event["ts"])
    assert "drinks tea" in reply.text
    assert "drinks tea" not in asked(workspace, question, user="U3")
    [other] = workspace.slack.responses_to(workspace.command(question, user_id=ANOTHER))
    assert "drinks tea" not in json.dumps(other)


def test_who_is_asked_about_is_known_by_name(workspace: Workspace) -> None:
    workspace.slack.people["U4"] = {"profile": {"real_name": "Grace Darling"}}
    workspace.lectern.add("crew.txt", b"Grace Darling trims the lamp of the north tower.")
    assert "trims the lamp" in asked(workspace, "What does <@U4> trim?")


def test_a_file_with_a_mention_is_for_its_channel(workspace: Workspace) -> None:
    fact = b"The ladder of the tower has 77 rungs."
    event = workspace.mention("", channel="C7", files=[workspace.slack.file("ladder.txt", fact)])
    workspace.send(event)
    workspace.slack.wait_for(
        lambda: any("ready" in one.text for one in workspace.slack.in_thread(event["ts"])),
        timeout_s=60,
    )
    question = "How many rungs has the ladder of the tower?"
    assert "77" in asked(workspace, question, channel="C7")
    assert "77" not in asked(workspace, question, channel="C8")
    # A message that only passes by is not for the bot.
    passing = workspace.message(
        "look", type="message", channel="C7", files=[workspace.slack.file("b.txt", b"Other.")]
    )
    workspace.send(passing)
    assert workspace.lectern.http.get("/documents?filename=b.txt").json()["documents"] == []


def test_files_that_come_after_their_mention_are_read_and_it_is_not_answered_twice(
    workspace: Workspace,
) -> None:
    fact = b"The lamp of the tower has 21 mirrors."
    mention = workspace.mention(channel="C7")
    workspace.send(mention)
    [answer] = workspace.slack.wait_for_end(mention["ts"])
    assert SENTENCE in answer.text
    files = [workspace.slack.file("lamp.txt", fact)]
    message = {**mention, "type": "message", "channel_type": "channel", "files": files}
    for number in range(2):
        workspace.post(workspace.body({**message, "subtype": "file_share"}, f"EvLate{number}"))
    workspace.slack.wait_for(
        lambda: any("ready" in one.text for one in workspace.slack.in_thread(mention["ts"])),
        timeout_s=60,
    )
    assert "21" in asked(workspace, "How many mirrors has the lamp of the tower?", channel="C7")
    assert len(workspace.slack.in_thread(mention["ts"])) == 2


def test_a_file_that_somebody_has_for_themselves_is_the_channels_once_dropped_there(
    workspace: Workspace,
) -> None:
    question, fact = "How deep is the well of the fort?", b"The well of the fort is 61 metres deep."
    alone = workspace.drop("", workspace.slack.file("well.txt", fact))
    workspace.send(alone)
    workspace.slack.wait_for(
        lambda: any("ready" in one.text for one in workspace.slack.in_thread(alone["ts"])),
        timeout_s=60,
    )
    event = workspace.mention(
        question, channel="C6", files=[workspace.slack.file("well.txt", fact)]
    )
    workspace.send(event)
    told, answer = workspace.slack.wait_for_end(event["ts"], count=2, timeout_s=60)
    assert "61 metres" in answer.text
    assert "here already" not in told.text
    assert "61 metres" in asked(workspace, question, channel="C6", user=ANOTHER)
    assert "61 metres" not in asked(workspace, question, channel="C5")


def test_edits_that_slack_refuses_cost_no_answer(workspace: Workspace) -> None:
    workspace.slack.fail("chat.update", *[Failure("cant_update_message")] * 3)
    fact = b"The bell of the pier is rung at noon."
    event = workspace.drop(
        "When is the bell of the pier rung?", workspace.slack.file("bell.txt", fact)
    )
    workspace.send(event)
    answer = workspace.slack.wait_for_end(event["ts"], count=2, timeout_s=60)[-1]
    workspace.slack.fail_no_more("chat.update")
    assert "at noon" in answer.text


def test_what_is_ready_is_told_in_the_end_though_slack_did_not_take_it(
    workspace: Workspace,
) -> None:
    workspace.slack.fail("chat.update", Failure("internal_error"), Failure("internal_error"))
    event = workspace.drop("", workspace.slack.file("gong.txt", b"The gong of the pier is brass."))
    workspace.send(event)
    workspace.slack.wait_for(
        lambda: any("ready" in one.text for one in workspace.slack.in_thread(event["ts"])),
        timeout_s=60,
    )


def test_however_many_files_there_are_what_is_told_fits_a_message(workspace: Workspace) -> None:
    files = [workspace.slack.file("n" * 200, b"x", mode="external") for _ in range(40)]
    event = workspace.drop("", *files)
    workspace.send(event)
    slack = workspace.slack
    slack.wait_for(lambda: any(":x:" in one.text for one in slack.in_thread(event["ts"])))
    [told] = slack.in_thread(event["ts"])
    assert len(told.text) <= 3_000
    assert told.text.endswith("more.")


def test_what_is_wrong_with_a_file_is_said(workspace: Workspace) -> None:
    slack = workspace.slack
    pdf = (ROOT / "docs/sample/lighthouse.pdf").read_bytes()
    files = [
        slack.file("lighthouse.pdf", pdf, mimetype="application/pdf"),
        slack.file("broken.pdf", b"%PDF-1.7 no more", mimetype="application/pdf"),
        slack.file("empty.txt", b""),
        slack.file("large.bin", b"x", size=10**9),
        slack.file("linked", b"x", mode="external"),
        slack.file("elsewhere.txt", b"x", url_private_download="https://evil.example/files/F1"),
        slack.file("gone.txt", b"x") | {"url_private_download": f"{slack.api_url}../files/F0"},
        slack.file("plans", b"<html>", mode="quip", mimetype="application/vnd.slack-docs"),
        slack.file("chores", b"<html>", mode="list", mimetype="application/vnd.slack-list"),
    ]
    event = workspace.drop("", *files)
    workspace.send(event)
    done = ":white_check_mark: *lighthouse.pdf*"
    slack.wait_for(
        lambda: any(
            done in one.text and "hourglass" not in one.text for one in slack.in_thread(event["ts"])
        ),
        timeout_s=60,
    )
    [told] = slack.in_thread(event["ts"])
    lines = told.text.splitlines()
    assert len(lines) == len(files)
    assert all(line.startswith(":x:") for line in lines[1:]), told.text
    assert "larger than" in lines[3]
    assert "kept elsewhere" in lines[4]
    assert "evil.example, which is not Slack's" in lines[5]
    assert "(404)" in lines[6]
    assert "canvas" in lines[7]
    assert "list" in lines[8]
    assert "files:read" not in told.text
    slack.wire.file_token = "another"  # noqa: S105
    try:
        lacking = [
            slack.file("scope.txt", b"A scope is missing."),
            slack.file("page.html", b"<p>A scope is missing.", mimetype="text/html"),
        ]
        event = workspace.drop("", *lacking)
        workspace.send(event)
        slack.wait_for(
            lambda: any(one.text.count("files:read") == 2 for one in slack.in_thread(event["ts"])),
            timeout_s=60,
        )
    finally:
        slack.wire.file_token = "xoxb-scripted"  # noqa: S105


def test_a_file_of_an_organisation_is_fetched_where_it_is_kept(workspace: Workspace) -> None:
    slack = workspace.slack
    slack.wire.is_grid = True
    try:
        event = workspace.drop("", slack.file("pier.txt", b"The pier has 40 piles."))
        workspace.send(event)
        slack.wait_for(
            lambda: any("ready" in one.text for one in slack.in_thread(event["ts"])), timeout_s=60
        )
    finally:
        slack.wire.is_grid = False


def proposed(workspace: Workspace) -> set[str]:
    """The questions that Slack shows where somebody may begin."""
    workspace.slack.wait_for(lambda: bool(workspace.slack.sessions.prompts))
    told = workspace.slack.sessions.prompts.pop()["prompts"]
    return {one["message"] for one in (json.loads(told) if isinstance(told, str) else told)}


def test_whoever_opens_the_messages_is_proposed_questions_that_hold(workspace: Workspace) -> None:
    asked(workspace, "What is the anchor made of?", type="message", channel_type="channel")
    # Neither is what somebody asked alone or in a channel that may be private, nor what stands on
    # files of others.
    asked(workspace, "Of what iron is the anchor made?")
    private = workspace.drop("When was the anchor made of iron weighed?")
    workspace.send(private)
    workspace.slack.wait_for_end(private["ts"])
    for ts in ("1650000000.000001", "1650000000.000002"):  # it comes at every opening
        for tab in ("home", "messages"):
            opened = {"type": "app_home_opened", "user": ANOTHER, "channel": "D2", "tab": tab}
            assert workspace.send({**opened, "event_ts": ts, "ts": ts}).status_code == 200
        prompts = proposed(workspace)
        assert "What is the anchor made of?" in prompts
        assert len(prompts) <= 4
        said = " ".join(prompts)
        assert "iron weighed" not in said
        assert "Of what iron" not in said
        assert "rungs" not in said
    # Nobody is greeted, and nothing is proposed on the other tab.
    assert [one for one in workspace.slack.messages.values() if one.channel == "D2"] == []
    assert workspace.slack.sessions.prompts == []


def test_the_pane_of_an_older_app_is_greeted_once(workspace: Workspace) -> None:
    asked(workspace, "What is the anchor made of?", type="message", channel_type="channel")
    thread_ts = "1650000000.000003"
    opened = {
        "type": "assistant_thread_started",
        "assistant_thread": {
            "user_id": ANOTHER,
            "channel_id": "D2",
            "thread_ts": thread_ts,
            "context": {"channel_id": CHANNEL, "team_id": TEAM},
        },
        "event_ts": thread_ts,
        "ts": thread_ts,
    }
    workspace.slack.sessions.is_agent = False
    try:
        for _ in range(3):  # Slack sends it again
            workspace.send(opened)
        assert "What is the anchor made of?" in proposed(workspace)
    finally:
        workspace.slack.sessions.is_agent = True
    [greeting] = workspace.slack.in_thread(thread_ts)
    assert "drop a file" in greeting.text


@pytest.mark.parametrize(
    "event",
    [
        {"type": "app_context_changed", "context": {}},
        {"type": "agent_session_title_changed", "channel": DIRECT, "title": "Anchors"},
        {"type": "assistant_thread_context_changed", "assistant_thread": {}},
        {"type": "reaction_added", "user": ANOTHER, "reaction": "eyes"},
    ],
)
def test_an_event_that_nobody_listens_to_is_acknowledged(
    workspace: Workspace, event: dict[str, Any]
) -> None:
    assert workspace.send({**event, "ts": "1650000000.000004"}).status_code == 200
    assert "Unhandled request" not in workspace.lectern.log.read_text()
