"""The slash command: set a channel up, or ask something that only oneself is answered."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from corpus.errors import CollectionNotFound, InvalidRequest, PersonaFixed
from corpus.registry.collections import collections_made
from corpus.registry.slack import SlackThread
from corpus.registry.slack_channels import ChannelSettings, set_channel
from service.answering.writing.persona import Persona
from service.asking.preparing import settings_for
from service.asking.question import DEFAULT_COLLECTION
from service.parts import ServiceParts
from service.slack.access import SlackAccess
from service.slack.questions import settings_here
from service.slack.texts import plain, question_of

MAX_LISTED = 20
# In the manifest, unless somebody changed it there. Messages do not tell.
USUAL_NAME = "/lectern"

_USE = re.compile(r"use\s+(\S+)(?:\s+as\s+(.+))?", re.IGNORECASE | re.DOTALL)

_HELP = """\
*Ask*: `{command} When is the lens cleaned?` Only you see the answer; mention me to share it.
*Set this channel up*: `{command} use COLLECTION`, or `{command} use COLLECTION as a teacher`.
*Look*: `{command} settings`. I read files that you send me, or drop with a mention."""


@dataclass(frozen=True, slots=True)
class SlashCommand:
    """What somebody typed, and where; `respond_to` is the address that takes what is said to it."""

    name: str
    text: str
    team_id: str
    channel_id: str
    user_id: str
    respond_to: str

    @property
    def thread(self) -> SlackThread:
        """Where it was typed: in no thread, which Slack does not tell."""
        return SlackThread(self.team_id, self.channel_id, "")


@dataclass(frozen=True, slots=True)
class Said:
    """What is said to a command; `to_all`: to everybody in the channel."""

    text: str
    to_all: bool = False


def command_in(body: dict[str, Any]) -> SlashCommand:
    """The command of a request of Slack's."""
    return SlashCommand(
        name=body["command"],
        text=question_of(body.get("text") or ""),
        team_id=body.get("team_id") or "",
        channel_id=body["channel_id"],
        user_id=body["user_id"],
        respond_to=body["response_url"],
    )


def help_for(command: str | None = None) -> str:
    """What can be done here, for the name that the command has in this workspace; None: unknown."""
    said = _HELP.format(command=command or USUAL_NAME)
    return (
        said if command else f"{said}\nMy command may have another name here than `{USUAL_NAME}`."
    )


def answered(parts: ServiceParts, access: SlackAccess, command: SlashCommand) -> Said | None:
    """What there is to say to a command about the channel; None: it is a question. Blocks.

    Raises `CollectionNotFound`, `PersonaFixed`, `InvalidRequest` or `StorageUnavailable`.
    """
    if command.text.lower() in {"", "help"}:
        return Said(help_for(command.name))
    if command.text.lower() == "settings":
        here = settings_here(parts.registry, command.team_id, command.channel_id)
        return Said(_described(here))
    found = _USE.fullmatch(command.text)
    if found is None:
        return None
    chosen = ChannelSettings(found[1], _persona(found[2]))
    _set(parts, access, command, chosen)
    return Said(f"This channel was set up: {_described(chosen)}", to_all=True)


def _set(
    parts: ServiceParts, access: SlackAccess, command: SlashCommand, chosen: ChannelSettings
) -> None:
    name = chosen.collection or DEFAULT_COLLECTION
    reader = access.in_channel(command.team_id, command.channel_id)
    with parts.registry.read() as connection:
        known = sorted(collections_made(connection, reader))[:MAX_LISTED]
    with parts.registry.write() as connection:
        try:
            there = settings_for(connection, name, reader)
        except CollectionNotFound as error:
            raise CollectionNotFound(
                error.detail, hint=f"There are: {', '.join(known) or DEFAULT_COLLECTION}."
            ) from error
        if chosen.persona is not None and there.persona_is_fixed:
            raise PersonaFixed(f"{name} answers with a persona of its own.")
        set_channel(connection, command.team_id, command.channel_id, chosen, command.user_id)


def _persona(instructions: str | None) -> dict[str, str] | None:
    if instructions is None:
        return None
    try:
        return Persona(instructions=instructions).model_dump()
    except ValidationError as error:
        raise InvalidRequest("A persona has 2,000 characters at most.") from error


def _described(settings: ChannelSettings) -> str:
    said = f"the collection is *{plain(settings.collection or DEFAULT_COLLECTION)}*"
    if settings.persona and settings.persona.get("instructions"):
        said += f", and I answer as “{plain(settings.persona['instructions'])}”"
    return f"{said}."
