"""What people do in a Slack workspace, as Slack tells the bot; for tests."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.doubles.scripted_llm import MODEL, ScriptedLlm
from tests.doubles.scripted_slack import (
    APP_TOKEN,
    BOT,
    CHANNEL,
    DIRECT,
    SECRET,
    TEAM,
    TOKEN,
    USER,
    ScriptedSlack,
    signed,
)
from tests.e2e.server import LecternServer

QUESTION = "What does the anchor weigh?"
SENTENCE = "The anchor weighs 90 kilograms."


def over_http(slack: ScriptedSlack) -> dict[str, str]:
    """Settings of a service that Slack sends its events to."""
    return {
        "SLACK_BOT_TOKEN": TOKEN,
        "SLACK_SIGNING_SECRET": SECRET,
        "LECTERN_SLACK_API_URL": slack.api_url,
    }


def over_sockets(slack: ScriptedSlack) -> dict[str, str]:
    """Settings of a service that fetches them."""
    return {
        "SLACK_BOT_TOKEN": TOKEN,
        "SLACK_APP_TOKEN": APP_TOKEN,
        "LECTERN_SLACK_API_URL": slack.api_url,
    }


@contextmanager
def where_a_model_writes(llm: ScriptedLlm, data_dir: Path) -> Iterator[Workspace]:
    """The workspace of a server with one document, whose answers the model writes."""
    model = {"LECTERN_LLM": llm.base_url, "LECTERN_LLM_MODEL": MODEL}
    with (
        ScriptedSlack() as slack,
        LecternServer(data_dir, **over_http(slack), **model) as lectern,
    ):
        lectern.add("anchor.txt", SENTENCE.encode())
        yield Workspace(lectern, slack)
        assert slack.broken_rules == []


class Workspace:
    """Writes messages and presses buttons; events go to /slack/events, or over a socket."""

    def __init__(self, lectern: LecternServer, slack: ScriptedSlack) -> None:
        self.lectern = lectern
        self.slack = slack
        self.acknowledged_with = ""  # what was said at once to the last command

    def message(self, text: str, **changed: Any) -> dict[str, Any]:  # noqa: ANN401
        event = {"type": "app_mention", "user": USER, "channel": CHANNEL, "text": text}
        return event | {"ts": self.slack.stamp()} | changed

    def mention(self, text: str = QUESTION, **changed: Any) -> dict[str, Any]:  # noqa: ANN401
        return self.message(f"<@{BOT}> {text}", **changed)

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
        self.slack.hear(event)
        return self.post(self.body(event), **how)

    def sent(self, event: dict[str, Any]) -> dict[str, Any]:
        """The event, once Slack has sent it."""
        assert self.send(event).status_code == 200
        return event

    def post(self, body: dict[str, Any], **signing: Any) -> httpx.Response:  # noqa: ANN401
        raw = json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **signed(raw, **signing)}
        return self.lectern.http.post("/slack/events", content=raw, headers=headers)

    def pressed(self, action: dict[str, Any], thread_ts: str) -> dict[str, Any]:
        """What Slack says when somebody presses a button below an answer in the thread."""
        ts = next(one for one, said in self.slack.messages.items() if said.thread_ts == thread_ts)
        channel = self.slack.messages[ts].channel
        return {
            "type": "block_actions",
            "team": {"id": TEAM, "domain": "t"},
            "user": {"id": USER, "username": "u", "team_id": TEAM},
            "channel": {"id": channel, "name": "general"},
            "container": {
                "type": "message",
                "message_ts": ts,
                "channel_id": channel,
                "is_ephemeral": False,
                "thread_ts": thread_ts,
            },
            "message": {"type": "message", "ts": ts, "thread_ts": thread_ts, "text": ""},
            "api_app_id": "A1",
            "token": "t",
            "trigger_id": "1.2.3",
            "response_url": self.slack.response_url(f"pressed-{ts}"),
            "actions": [{"block_id": "b", "action_ts": "1.1", **action}],
        }

    def drop(self, text: str, *files: dict[str, Any], **changed: Any) -> dict[str, Any]:  # noqa: ANN401
        """Write to the bot alone, with files."""
        event = {"type": "message", "channel": DIRECT, "channel_type": "im", "files": list(files)}
        return self.message(text, **{**event, "subtype": "file_share", **changed})

    def command(self, text: str, **changed: Any) -> str:  # noqa: ANN401
        """Type a slash command; the number under which `ScriptedSlack.responses_to` has answers."""
        number = self.slack.stamp()
        form = {
            "command": "/lectern",
            "text": text,
            "team_id": TEAM,
            "team_domain": "t",
            "channel_id": CHANNEL,
            "channel_name": "general",
            "user_id": USER,
            "user_name": "u",
            "api_app_id": "A1",
            "trigger_id": "1.2.3",
            "response_url": self.slack.response_url(number),
            **changed,
        }
        raw = httpx.Request("POST", "http://x", data=form).read()
        headers = {"Content-Type": "application/x-www-form-urlencoded", **signed(raw)}
        acknowledged = self.lectern.http.post("/slack/events", content=raw, headers=headers)
        assert acknowledged.status_code == 200
        self.acknowledged_with = acknowledged.text
        return number

    def press(
        self,
        action: dict[str, Any],
        thread_ts: str,
        **user: Any,  # noqa: ANN401
    ) -> httpx.Response:
        pressed = self.pressed(action, thread_ts)
        pressed["user"] |= user
        payload = json.dumps(pressed)
        raw = httpx.Request("POST", "http://x", data={"payload": payload}).read()
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.lectern.http.post("/slack/events", content=raw, headers={**form, **signed(raw)})


def section(blocks: list[dict[str, Any]]) -> str:
    return "\n".join(one["text"]["text"] for one in blocks if one["type"] == "section")


def element(blocks: list[dict[str, Any]], action_id: str) -> dict[str, Any]:
    """The button with this name."""
    elements = [one for block in blocks for one in block.get("elements", ())]
    found: dict[str, Any] = next(one for one in elements if one.get("action_id") == action_id)
    return found


def texts_of(value: Any) -> str:  # noqa: ANN401
    """Everything that is written in it."""
    if isinstance(value, list):
        return "".join(map(texts_of, value))
    if not isinstance(value, dict):
        return ""
    said = value.get("text")
    return said if isinstance(said, str) else "".join(map(texts_of, value.values()))
