"""Answers in Slack that a model writes: a real server, a scripted Slack and a scripted model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.doubles.scripted_llm import ScriptedLlm, say
from tests.doubles.scripted_slack import Failure
from tests.e2e.workspace import QUESTION, SENTENCE, texts_of, where_a_model_writes

ASKED = "What does it weigh?"
TALK = "The anchor of the Aurora was lost off Skagen."
REWRITTEN = "What does the anchor of the Aurora weigh?"


def test_what_was_said_before_a_mention_is_what_the_question_is_about(
    make_data_dir: Callable[[], Path], llm: ScriptedLlm
) -> None:
    with where_a_model_writes(llm, make_data_dir()) as workspace:
        lectern, slack = workspace.lectern, workspace.slack
        talk = workspace.sent(workspace.message(TALK, type="message", channel_type="channel"))
        # What the bot said there itself is not what it is about.
        workspace.send(workspace.mention("", thread_ts=talk["ts"]))
        slack.wait_for_end(talk["ts"])
        llm.script(say(REWRITTEN), say(f"{SENTENCE[:-1]} [1]."))
        public = {"type": "message", "channel_type": "channel", "thread_ts": talk["ts"]}
        workspace.send(workspace.mention(ASKED, **public))
        empty, reply = slack.wait_for_end(talk["ts"], count=2)
        assert SENTENCE[:-1] in reply.text
        understanding, answering = (json.dumps(one) for one in llm.requests[:2])
        assert TALK in understanding
        assert empty.text not in understanding
        assert "Skagen" not in answering
        [conversation] = lectern.http.get("/conversations").json()["conversations"]
        kept = lectern.http.get(f"/conversations/{conversation['id']}").json()
        [turn] = kept["turns"]
        why = lectern.http.get(f"/answers/{turn['answer_id']}/explain").json()
        assert (turn["standalone_question"], why["searched_for"]["plain"]) == (ASKED, ASKED)
        assert "Aurora" not in json.dumps([kept, why])
        # Then the conversation is what goes on, and Slack is not asked again.
        slack.fail("conversations.replies", Failure("internal_error"))
        llm.script(say(REWRITTEN), say(f"{SENTENCE[:-1]} [1]."))
        workspace.send(workspace.mention("And in pounds?", **public))
        slack.wait_for_end(talk["ts"], count=3)
        assert slack.count("conversations.replies") == 1
        # Of all that is proposed to others what can be read where it was asked, and no more.
        llm.script(say(f"{SENTENCE[:-1]} [1]."))
        alone = workspace.sent(workspace.mention(**{**public, "thread_ts": None}))
        slack.wait_for_end(alone["ts"])
        opened = {"type": "app_home_opened", "user": "U2", "channel": "D2", "tab": "messages"}
        workspace.send({**opened, "event_ts": "1650000000.000001", "ts": "1650000000.000001"})
        slack.wait_for(lambda: bool(slack.sessions.prompts), "prompts")
        assert [one["message"] for one in slack.sessions.prompts[0]["prompts"]] == [QUESTION]


def test_a_long_answer_to_a_command_comes_in_several_messages(
    make_data_dir: Callable[[], Path], llm: ScriptedLlm
) -> None:
    with where_a_model_writes(llm, make_data_dir()) as workspace:
        slack = workspace.slack
        llm.script(say("- **The anchor** weighs 90 kilograms [1].\n" * 400))
        number = workspace.command(QUESTION)
        said = slack.responses_to(number, 2)
        slack.wait_for(lambda: "lectern_feedback" in json.dumps(said[-1]), "the end")
        assert (
            sum(
                texts_of(one["blocks"]).count("The anchor weighs 90 kilograms [1].") for one in said
            )
            == 400
        )
        assert sum(one["text"].count("[1]") for one in said) == 400
        assert "Sources" in texts_of(said[-1]["blocks"])
        assert slack.broken_rules == []


def test_a_channel_has_a_voice_where_a_model_writes(
    make_data_dir: Callable[[], Path], llm: ScriptedLlm
) -> None:
    with where_a_model_writes(llm, make_data_dir()) as workspace:
        slack = workspace.slack
        [said] = slack.responses_to(workspace.command("use default as an old sailor"))
        assert "an old sailor" in json.dumps(said)
        llm.script(say(f"{SENTENCE[:-1]} [1]."))
        event = workspace.sent(workspace.mention())
        [reply] = slack.wait_for_end(event["ts"])
        assert SENTENCE[:-1] in reply.text
        assert "an old sailor" in json.dumps(llm.requests[-1])
