"""The manifest that people make the Slack app from."""

from __future__ import annotations

import re
from typing import Any

import yaml

from tests.conftest import ROOT

TEXT = (ROOT / "deploy" / "slack-manifest.yaml").read_text()
OF_AGENTS = {"app_home_opened", "agent_session_stopped"}


def events(manifest: dict[str, Any]) -> set[str]:
    return set(manifest["settings"]["event_subscriptions"]["bot_events"])


def test_the_app_is_an_agent_as_slack_has_new_apps_be() -> None:
    manifest = yaml.safe_load(TEXT)
    assert "assistant_view" not in manifest["features"]
    assert len(manifest["features"]["agent_view"]["agent_description"]) <= 300
    assert manifest["features"]["app_home"]["messages_tab_enabled"]
    # What people look at, or call a thread, is nobody's business here.
    messages = {f"message.{kind}" for kind in ("channels", "groups", "im", "mpim")}
    assert events(manifest) == {*OF_AGENTS, *messages, "app_mention"}
    assert "assistant:write" in manifest["oauth_config"]["scopes"]["bot"]


def test_without_what_is_marked_it_is_no_agent_and_asked_all_the_same() -> None:
    whole = yaml.safe_load(TEXT)
    left = [line for line in TEXT.splitlines() if not re.search(r"# agent\b", line)]
    manifest = yaml.safe_load("\n".join(left))
    assert "agent_view" not in manifest["features"]
    assert events(manifest) == events(whole) - OF_AGENTS
    scopes = set(whole["oauth_config"]["scopes"]["bot"]) - {"assistant:write"}
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == scopes
