"""Which messages are for the bot. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from corpus.registry.slack import REMEMBERED, SlackThread
from service.slack.asides import is_aside
from service.slack.dropped import DroppedFile, files_in
from service.slack.texts import MENTION, question_of

# As much as a question that was rewritten; the embedding reads no more of it.
MAX_QUOTED_CHARS = 2_000

# Of what people write; other messages are about messages.
SUBTYPES = {None, "file_share", "thread_broadcast"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A message that may be for the bot.

    `team_id` is the workspace of who wrote it; `text` does not name the bot. `is_direct`: the
    message names it, or is written to it alone. `is_alone`: nobody else reads the answer.
    `is_private`: not everybody in the workspace may see what was asked; also where Slack does not
    say so, as of what was forwarded. `is_shared`: people of other organisations read the channel,
    or write to the bot. `quoted`: of a message that was forwarded with it, or instead of words.
    `has_late_files`: all but these is answered already. `our_ids`: the bot's own, as a person of
    the workspace.
    """

    event_id: str
    ts: str
    thread: SlackThread
    team_id: str
    user_id: str
    text: str
    is_direct: bool
    is_alone: bool = False
    is_private: bool = True
    files: tuple[DroppedFile, ...] = ()
    is_shared: bool = False
    has_late_files: bool = False
    quoted: str = ""
    our_ids: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """Names the message, not the event: a mention in a thread comes as two events."""
        key = f"{self.thread.team_id}/{self.thread.channel_id}/{self.ts}"
        return f"{key}/files" if self.has_late_files else key


def asked_s(key: str) -> float:
    """When the message with this key was written, by Slack's clock."""
    return float(key.split("/")[2])


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody pressed a button; `user_team_id` is the workspace that they belong to.

    `respond_to` is the address that takes what is said to them alone.
    """

    team_id: str
    channel_id: str
    thread_ts: str
    user_id: str
    user_team_id: str = ""
    enterprise_id: str = ""
    respond_to: str = ""


def place_in(body: dict[str, Any]) -> Place:
    """The place of an interaction with a message (`block_actions`)."""
    container, message = body.get("container") or {}, body.get("message") or {}
    message_ts = container.get("message_ts") or message.get("ts") or ""
    thread_ts = container.get("thread_ts") or message.get("thread_ts") or message_ts
    channel_id = container.get("channel_id") or body["channel"]["id"]
    team, user = body.get("team") or {}, body["user"]
    user_team_id = user.get("team_id") or team.get("id") or ""
    return Place(
        team.get("id") or "",
        channel_id,
        thread_ts,
        user["id"],
        user_team_id=user_team_id,
        # Of the person's own workspace, which need not be that of the channel.
        enterprise_id=(team.get("enterprise_id") or "") if team.get("id") == user_team_id else "",
        respond_to=body.get("response_url") or "",
    )


def quoted_in(event: dict[str, Any]) -> str:
    """What messages say that were forwarded; previews of links are none. At most so much."""
    forwarded = [
        question_of(one.get("text") or "")
        for one in event.get("attachments") or ()
        if one.get("is_share") or one.get("is_msg_unfurl")
    ]
    return "\n".join(filter(None, forwarded))[:MAX_QUOTED_CHARS]


def is_late_edit(event: dict[str, Any], now_s: float) -> bool:
    """Whether an old message was edited: a mention comes then as if it were new.

    Of younger ones it is known whether they were taken; one that mentions nobody yet may be asked
    by editing it.
    """
    return bool(event.get("edited")) and now_s - float(event["ts"]) > REMEMBERED.total_seconds()


def asked_in(body: dict[str, Any]) -> Asked | None:
    """The message of an event, if it is one that somebody wrote and that may be for the bot.

    None for what bots wrote (this one too), for edits and deletions, for joins and the like, and
    for what somebody says to somebody else.
    """
    event = body.get("event") or {}
    ours = [one for one in body.get("authorizations") or () if one]
    if event.get("bot_id") or not event.get("user") or event.get("subtype") not in SUBTYPES:
        return None
    us = {one.get("user_id") for one in ours}
    if event["user"] in us:
        return None
    text = event.get("text") or ""
    # A mention comes as a message of its channel too, whichever is first; with files, only so.
    is_direct = (
        event.get("type") == "app_mention"
        or event.get("channel_type") == "im"
        or not us.isdisjoint(found[1] for found in MENTION.finditer(text))
    )
    is_shared = bool(body.get("is_ext_shared_channel"))
    quoted = quoted_in(event)
    if not is_direct and (
        is_shared
        or not event.get("thread_ts")
        or text.lstrip().startswith("<@")
        or is_aside(question_of(text))
    ):
        return None
    # In shared channels the event's own team may be another organisation's.
    team_id = (ours[0].get("team_id") if ours else None) or body.get("team_id") or ""
    user_team = event.get("user_team") or event.get("team") or ""
    return Asked(
        event_id=body.get("event_id") or "",
        ts=event["ts"],
        thread=SlackThread(team_id, event["channel"], event.get("thread_ts") or event["ts"]),
        team_id=user_team if user_team.startswith("T") else team_id,
        user_id=event["user"],
        text=MENTION.sub(lambda found: " " if found[1] in us else found[0], text),
        is_direct=is_direct,
        is_alone=event.get("channel_type") == "im",
        # A mention says nothing of its channel, and a forwarded message nothing of where it stood.
        is_private=event.get("channel_type") != "channel" or bool(quoted),
        files=files_in(event) if is_direct else (),
        is_shared=is_shared,
        quoted=quoted,
        our_ids=frozenset(filter(None, us)),
    )
