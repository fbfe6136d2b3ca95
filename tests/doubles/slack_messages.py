"""The messages of the scripted Slack: posted, streamed, edited and deleted as Slack has it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

from tests.doubles.slack_blocks import MAX_MARKDOWN_CHARS
from tests.doubles.slack_sessions import SlackSessions


@dataclass
class Message:
    """What stands in a thread: `is_open` while it is streamed, `is_stopped` if by its readers."""

    channel: str
    thread_ts: str
    text: str = ""
    blocks: list[dict[str, Any]] = field(default_factory=list)
    is_open: bool = False
    is_stopped: bool = False
    edits: int = 0


class SlackMessages:
    """By timestamp, first to last; `broken_rules` is added to."""

    METHODS = frozenset(
        {
            "chat.startStream",
            "chat.appendStream",
            "chat.stopStream",
            "chat.postMessage",
            "chat.update",
            "chat.delete",
        }
    )

    # One clock for all that is written, of people and of the bot.
    _numbers = itertools.count(1)

    def __init__(self, sessions: SlackSessions, broken_rules: list[str]) -> None:
        self.there: dict[str, Message] = {}
        self._sessions = sessions
        self._broken_rules = broken_rules

    def stamp(self) -> str:
        """The timestamp of what comes next."""
        return f"1700000000.{next(self._numbers):06d}"

    def called(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        """Do what one of these calls says."""
        match method:
            case "chat.startStream":
                ts, error = self._started(given)
            case "chat.appendStream" | "chat.stopStream":
                ts, error = given["ts"], self._streamed(method, given)
            case "chat.postMessage":
                ts, error = self._posted(given), None
            case _:
                ts, error = given["ts"], self._changed(method, given)
        if error is not None:
            return {"ok": False, "error": error}
        return {"ok": True, "ts": ts, "channel": given.get("channel")}

    def end_streams(self, channel: str = "", thread_ts: str = "") -> list[str]:
        """Streams end by themselves after a while; with a thread, those there by its readers."""
        ended = []
        for ts, one in self.there.items():
            if one.is_open and thread_ts in {"", one.thread_ts} and channel in {"", one.channel}:
                one.is_open, one.is_stopped = False, bool(thread_ts)
                ended.append(ts)
                if not thread_ts:  # else the status stays as it is
                    self._sessions.streamed(one.channel, one.thread_ts, "active")
        return ended

    def _started(self, given: dict[str, Any]) -> tuple[str, str | None]:
        if not given.get("recipient_user_id") or not given.get("recipient_team_id"):
            return "", "missing_recipient_user_id"
        ts, channel, thread_ts = self.stamp(), given["channel"], given["thread_ts"]
        self.there[ts] = Message(channel, thread_ts, _said(given), is_open=True)
        self._sessions.streamed(channel, thread_ts, "processing")
        return ts, None

    def _streamed(self, method: str, given: dict[str, Any]) -> str | None:
        message = self.there.get(given["ts"])
        if message is not None and message.is_stopped:
            return "stopped_by_user"
        if message is None or not message.is_open:
            return "message_not_in_streaming_state"
        message.text += _said(given)
        if len(message.text) > MAX_MARKDOWN_CHARS:
            self._broken_rules.append(f"{method}: {len(message.text)} characters")
        if method == "chat.stopStream":
            message.blocks, message.is_open = given.get("blocks", []), False
            status = given.get("session_status", "active")
            self._sessions.streamed(message.channel, message.thread_ts, status)
        return None

    def _posted(self, given: dict[str, Any]) -> str:
        ts = self.stamp()
        channel, thread_ts = given["channel"], given.get("thread_ts", ts)
        text, blocks = given.get("text", ""), given.get("blocks", [])
        self.there[ts] = Message(channel, thread_ts, text, blocks)
        self._sessions.replied(channel, thread_ts)
        return ts

    def _changed(self, method: str, given: dict[str, Any]) -> str | None:
        message = self.there.get(given["ts"])
        if message is None:
            return "message_not_found"
        if method == "chat.delete":
            if message.is_open:
                return "cant_delete_message"
            del self.there[given["ts"]]
            return None
        if message.is_open:
            return "streaming_state_conflict"
        message.text, message.blocks = given.get("text", ""), given.get("blocks", [])
        message.edits += 1
        return None


def _said(given: dict[str, Any]) -> str:
    """Markdown comes as such, or in chunks."""
    chunks = given.get("chunks") or []
    said = [given.get("markdown_text", ""), *(one.get("text", "") for one in chunks)]
    return "".join(map(str, said))
