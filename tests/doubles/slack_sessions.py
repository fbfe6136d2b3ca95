"""What the scripted Slack shows of a bot's work in threads: the sessions of an agent."""

from __future__ import annotations

from typing import Any

MAX_TITLE_CHARS = 200
STATUSES = {"active", "processing", "suspended", "closed"}


class SlackSessions:
    """By channel and thread: of an agent its status, of another app what it says, "" for nothing.

    The app is an agent (`agent_view`), unless `is_agent` is false; then it may have the older
    `assistant_view`.
    """

    PROMPTS = "assistant.threads.setSuggestedPrompts"
    METHODS = frozenset({"agents.sessions.setStatus", "assistant.threads.setStatus", PROMPTS})

    def __init__(self) -> None:
        self.is_agent = True
        self.statuses: dict[tuple[str, str], str] = {}
        self.titles: dict[tuple[str, str], str] = {}
        self.prompts: list[dict[str, Any]] = []  # as they are shown

    def of(self, channel: str, thread_ts: str) -> str | None:
        """The status there; None where none was ever set."""
        return self.statuses.get((channel, thread_ts))

    def streamed(self, channel: str, thread_ts: str, status: str) -> None:
        """A stream sets the status by itself, as it begins and ends."""
        if self.is_agent:
            self.statuses[channel, thread_ts] = status
        else:
            self.replied(channel, thread_ts)

    def replied(self, channel: str, thread_ts: str) -> None:
        """What another app says is "automatically cleared when the app sends a reply"."""
        if not self.is_agent and (channel, thread_ts) in self.statuses:
            self.statuses[channel, thread_ts] = ""

    def called(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        """Answer one of these calls."""
        if method == self.PROMPTS:
            return self._prompted(given)
        key, status, title = _key(given), given["status"], given.get("title", "")
        if method == "assistant.threads.setStatus":
            if self.is_agent:  # passed on, for apps that were made before
                status = "processing" if status else "active"
        elif not self.is_agent:
            return {"ok": False, "error": "not_authorized"}
        elif status not in STATUSES or len(title) > MAX_TITLE_CHARS:
            return {"ok": False, "error": "invalid_arguments"}
        if title:
            self.titles.setdefault(key, title)
        self.statuses[key] = status
        return {"ok": True, "status": status, "agent_status": status}

    def _prompted(self, given: dict[str, Any]) -> dict[str, Any]:
        """With `agent_view` prompts belong to no thread: none are shown then, without an error."""
        if self.is_agent != bool(given.get("thread_ts")):
            self.prompts.append(given)
        return {"ok": True}


def _key(given: dict[str, Any]) -> tuple[str, str]:
    return given["channel_id"], given["thread_ts"]
