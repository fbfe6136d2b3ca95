"""With whose eyes something is read in Slack, and for whom a file is that somebody drops.

A person of a workspace is the principal `slack:T012AB3C4/U061F7AUR`, and the members of one of its
channels are `slack:T012AB3C4/C024BE91L`.
"""

from __future__ import annotations

from slack_sdk.web.async_client import AsyncWebClient

from corpus.access import Reader
from corpus.settings import Settings
from service.slack.bot_token import BotToken
from service.slack.people import People


class SlackAccess:
    """Readers of the collections that may be asked in Slack (LECTERN_SLACK_COLLECTIONS)."""

    def __init__(self, settings: Settings, token: BotToken) -> None:
        names = {name.strip() for name in settings.slack_collections.split(",")} - {""}
        self._collections = frozenset(names) or None
        self._people = People(settings, token)

    def in_channel(self, team_id: str, channel_id: str) -> Reader:
        """Of what everybody in a channel reads: what is for everybody, or for this channel."""
        channel = _principal(team_id, channel_id)
        return Reader(frozenset({channel}), self._collections, owner=channel)

    async def alone(
        self, client: AsyncWebClient, team_id: str, channel_id: str, user_id: str
    ) -> Reader:
        """Of what one person alone reads: in a direct message, or shown to them in a channel."""
        person, channel = _principal(team_id, user_id), _principal(team_id, channel_id)
        also = await self._people.also(client, user_id)
        return Reader(frozenset({person, channel}) | also, self._collections, owner=person)

    async def named(self, client: AsyncWebClient, text: str) -> str:
        """The text of a message with the names of those whom it mentions, as far as known."""
        return await self._people.named(client, text)


def acl_of_dropped(team_id: str, channel_id: str, user_id: str) -> tuple[str, ...]:
    """Who reads a file: whoever dropped it, and those in the channel where they did.

    A direct message is a channel too, of one.
    """
    return _principal(team_id, user_id), _principal(team_id, channel_id)


def _principal(team_id: str, user_or_channel_id: str) -> str:
    return f"slack:{team_id}/{user_or_channel_id}"
