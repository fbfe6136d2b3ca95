"""With whose eyes something is read in Slack, and for whom a file is that somebody drops. Pure.

A person of a workspace is the principal `slack:T012AB3C4/U061F7AUR`, and the members of one of its
channels are `slack:T012AB3C4/C024BE91L`.
"""

from __future__ import annotations

from dataclasses import dataclass

from corpus.access import Reader
from corpus.settings import Settings


@dataclass(frozen=True, slots=True)
class SlackAccess:
    """`collections` are those that may be asked in Slack; None: all."""

    collections: frozenset[str] | None = None

    @classmethod
    def of(cls, settings: Settings) -> SlackAccess:
        """As LECTERN_SLACK_COLLECTIONS has it."""
        names = {name.strip() for name in settings.slack_collections.split(",")} - {""}
        return cls(frozenset(names) or None)

    def in_channel(self, team_id: str, channel_id: str) -> Reader:
        """Of what everybody in a channel reads: what is for everybody, or for this channel."""
        channel = principal_of(team_id, channel_id)
        return Reader(frozenset({channel}), self.collections, owner=channel)

    def alone(self, team_id: str, channel_id: str, user_id: str) -> Reader:
        """Of what one person alone reads: in a direct message, or shown to them in a channel."""
        person, channel = principal_of(team_id, user_id), principal_of(team_id, channel_id)
        return Reader(frozenset({person, channel}), self.collections, owner=person)


def principal_of(team_id: str, user_or_channel_id: str) -> str:
    """The principal that a person is, or that those in a channel are."""
    return f"slack:{team_id}/{user_or_channel_id}"


def acl_of_dropped(team_id: str, channel_id: str, user_id: str) -> tuple[str, ...]:
    """Who reads a file: whoever dropped it, and those in the channel where they did.

    A direct message is a channel too, of one.
    """
    return principal_of(team_id, user_id), principal_of(team_id, channel_id)
