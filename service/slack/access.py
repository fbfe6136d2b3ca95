"""With whose eyes an answer in Slack is read. Pure."""

from __future__ import annotations

from corpus.access import Reader


def principal_of(team_id: str, user_id: str) -> str:
    """The principal that a person of a workspace is: `slack:T012AB3C4/U061F7AUR`."""
    return f"slack:{team_id}/{user_id}"


def reader_in_channel(team_id: str, channel_id: str) -> Reader:
    """Of what is read by everybody in a channel: nothing that has an `acl`."""
    return Reader(frozenset(), owner=f"slack:{team_id}/{channel_id}")


def reader_alone(team_id: str, user_id: str) -> Reader:
    """Of what one person alone reads: a direct message, or what only they are shown."""
    person = principal_of(team_id, user_id)
    return Reader(frozenset({person}), owner=person)
