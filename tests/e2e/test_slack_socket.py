"""`lectern slack`: events over Socket Mode, from a scripted Slack that minds Slack's rules."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.doubles.scripted_llm import MODEL, Reply, ScriptedLlm
from tests.doubles.scripted_slack import APP_TOKEN, TOKEN, Failure, ScriptedSlack
from tests.e2e.server import LecternServer
from tests.e2e.workspace import SENTENCE, Workspace, element, over_sockets, section
from tests.postgres import own_postgres

MakeDataDir = Callable[[], Path]


@pytest.fixture(scope="module")
def running(make_data_dir: MakeDataDir) -> Iterator[tuple[LecternServer, ScriptedSlack]]:
    with (
        ScriptedSlack() as slack,
        LecternServer(make_data_dir(), command="slack", **over_sockets(slack)) as lectern,
    ):
        lectern.add("anchor.txt", f"{SENTENCE} It is made of iron.".encode())
        yield lectern, slack
        assert slack.broken_rules == []
        assert "Traceback" not in lectern.log.read_text()


@pytest.fixture
def workspace(running: tuple[LecternServer, ScriptedSlack]) -> Workspace:
    workspace = Workspace(*running)
    connected(workspace)
    return workspace


def connected(workspace: Workspace, count: int = 1) -> None:
    wire = workspace.slack.wire
    workspace.slack.wait_for(lambda: wire.connected >= count, "a connection", 40.0)


def test_a_mention_is_answered_without_a_public_address(workspace: Workspace) -> None:
    assert workspace.lectern.http.post("/slack/events", content=b"{}").status_code in {404, 405}
    event = workspace.mention()
    workspace.slack.wire.deliver(workspace.body(event))
    [reply] = workspace.slack.wait_for_end(event["ts"])
    assert SENTENCE in reply.text
    assert "anchor.txt" in section(reply.blocks)
    assert len(workspace.slack.wire.acknowledged) >= 1
    workspace.slack.wire.deliver(
        workspace.pressed(element(reply.blocks, "lectern_quotes"), event["ts"]), "interactive"
    )
    workspace.slack.wait_for(lambda: len(workspace.slack.ephemeral) > 0, "the quotes")
    assert SENTENCE in str(workspace.slack.ephemeral.pop()["blocks"])
    # No acknowledgement of an interaction carries text: Slack would put it in the message's place.
    assert workspace.slack.wire.payloads == []


def test_what_is_delivered_again_is_answered_once(workspace: Workspace) -> None:
    events = [workspace.mention() for _ in range(5)]
    for event in events * 3:
        workspace.slack.wire.deliver(workspace.body(event))
    for event in events:
        workspace.slack.wait_for_end(event["ts"])
    last = workspace.mention()
    workspace.slack.wire.deliver(workspace.body(last))
    workspace.slack.wait_for_end(last["ts"])
    assert [len(workspace.slack.in_thread(event["ts"])) for event in events] == [1] * 5


def test_what_nobody_listens_to_is_acknowledged(workspace: Workspace) -> None:
    wire = workspace.slack.wire
    before = len(wire.acknowledged)
    for number, kind in enumerate(("app_context_changed", "agent_session_title_changed")):
        wire.deliver(workspace.body({"type": kind, "ts": "1.1"}, f"EvUnheard{number}"))
    workspace.slack.wait_for(lambda: len(wire.acknowledged) >= before + 2, "acknowledgements")
    assert "not acknowledged" not in workspace.lectern.log.read_text()


@pytest.mark.parametrize("reason", ["warning", "refresh_requested", "too_many_websockets"])
def test_after_a_disconnect_there_is_another_connection(workspace: Workspace, reason: str) -> None:
    wire = workspace.slack.wire
    before = wire.connections
    event = workspace.mention()
    wire.deliver(workspace.body(event))
    wire.disconnect(reason)
    workspace.slack.wait_for(lambda: wire.connections > before, "another connection", 70.0)
    workspace.slack.wait_for_end(event["ts"], timeout_s=70.0)
    after = workspace.mention()
    wire.deliver(workspace.body(after))
    workspace.slack.wait_for_end(after["ts"])
    assert len(workspace.slack.in_thread(event["ts"])) == 1


def test_a_slack_that_is_away_is_asked_again(
    make_data_dir: MakeDataDir,
) -> None:
    with (
        ScriptedSlack() as slack,
        LecternServer(make_data_dir(), command="slack", **over_sockets(slack)) as lectern,
    ):
        workspace = Workspace(lectern, slack)
        lectern.add("anchor.txt", SENTENCE.encode())
        connected(workspace)
        slack.fail(
            "apps.connections.open",
            Failure(status=503),
            Failure(is_lost=True),
            Failure("ratelimited", 429, retry_after_s=1),
            Failure("link_disabled"),
        )
        slack.wire.drop()
        connected(workspace)
        event = workspace.mention()
        slack.wire.deliver(workspace.body(event))
        assert SENTENCE in slack.wait_for_end(event["ts"])[0].text
        said = lectern.log.read_text()
        assert "the connection to Slack was lost" in said
        assert "Switch Socket Mode on" in said
        assert "Traceback" not in said


def test_a_connection_lost_in_mid_answer_costs_nothing(
    make_data_dir: MakeDataDir, llm: ScriptedLlm
) -> None:
    pieces = tuple(f"The anchor weighs 90 kilograms, {n} [1]. " for n in range(60))
    llm.script(Reply(pieces=pieces, pause_s=0.05))
    with (
        ScriptedSlack() as slack,
        LecternServer(
            make_data_dir(),
            command="slack",
            **over_sockets(slack),
            LECTERN_LLM=llm.base_url,
            LECTERN_LLM_MODEL=MODEL,
        ) as lectern,
    ):
        workspace = Workspace(lectern, slack)
        lectern.add("anchor.txt", SENTENCE.encode())
        connected(workspace)
        event = workspace.mention()
        slack.wire.deliver(workspace.body(event))
        slack.wait_for(lambda: bool(slack.in_thread(event["ts"])), "the beginning")
        slack.wire.drop()
        connected(workspace)
        slack.wire.deliver(workspace.body(event))
        [reply] = slack.wait_for_end(event["ts"])
        assert "kilograms, 59 " in reply.text
        time.sleep(0.3)
        assert len(slack.in_thread(event["ts"])) == 1


def test_what_the_registry_did_not_take_is_not_acknowledged(workspace: Workspace) -> None:
    slack, wire = workspace.slack, workspace.slack.wire
    slack.refuse_token("token_revoked")
    burnt = workspace.mention()
    wire.deliver(workspace.body(burnt))  # taken while the token seemed good; shows that it is not
    said = "Slack refuses SLACK_BOT_TOKEN"
    slack.wait_for(lambda: said in workspace.lectern.log.read_text(), said)
    event = workspace.mention()
    before = len(wire.acknowledged)
    wire.deliver(workspace.body(event))
    slack.wait_for(lambda: wire.redelivered > 0, "a second try")
    assert len(wire.acknowledged) == before
    slack.refuse_token(None)
    assert SENTENCE in slack.wait_for_end(event["ts"])[0].text


def test_two_replicas_answer_each_message_once(make_data_dir: MakeDataDir) -> None:
    with own_postgres() as database, ScriptedSlack() as slack:
        settings = over_sockets(slack) | {"DATABASE_URL": database.url}
        with (
            LecternServer(make_data_dir(), command="slack", **settings) as one,
            LecternServer(make_data_dir(), command="slack", **settings) as other,
        ):
            workspace = Workspace(one, slack)
            connected(workspace, 2)
            first = [workspace.mention() for _ in range(20)]
            follow_ups = [workspace.mention(thread_ts=event["ts"]) for event in first]
            for event in [*first, *follow_ups]:
                for number in range(4):
                    slack.wire.deliver(workspace.body(event), first=number)
            for event in first:
                slack.wait_for_end(event["ts"], count=2)
            other.kill()
            connected(workspace)
            last = workspace.mention()
            slack.wire.deliver(workspace.body(last))
            slack.wait_for_end(last["ts"])
            assert [len(slack.in_thread(event["ts"])) for event in first] == [2] * 20
            assert slack.broken_rules == []


def test_it_ends_at_once_where_slack_refuses_a_token(make_data_dir: MakeDataDir) -> None:
    with ScriptedSlack() as slack:
        good = over_sockets(slack)
        for changed, said in (
            ({"SLACK_APP_TOKEN": ""}, "needs SLACK_APP_TOKEN"),
            ({"SLACK_APP_TOKEN": "xapp-wrong"}, "refuses SLACK_APP_TOKEN: invalid_auth"),
            ({"SLACK_BOT_TOKEN": "xoxb-wrong"}, "refuses SLACK_BOT_TOKEN: invalid_auth"),
        ):
            server = LecternServer(make_data_dir(), **(good | changed))
            done = subprocess.run(
                [sys.executable, "-m", "lectern", "slack"],
                env=server.environment,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 1
            assert said in done.stderr
            assert "Traceback" not in done.stderr
            assert "wrong" not in json.dumps(done.stderr)


def test_serve_opens_no_socket(make_data_dir: MakeDataDir) -> None:
    with (
        ScriptedSlack() as slack,
        LecternServer(make_data_dir(), **over_sockets(slack), SLACK_SIGNING_SECRET="s") as lectern,  # noqa: S106
    ):
        event = Workspace(lectern, slack).mention()
        assert Workspace(lectern, slack).send(event, secret="s").status_code == 200  # noqa: S106
        slack.wait_for_end(event["ts"])
        assert slack.count("apps.connections.open") == 0
        assert TOKEN not in lectern.log.read_text()
        assert APP_TOKEN not in lectern.log.read_text()
