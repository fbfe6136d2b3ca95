"""How channels of Slack are set up: which collection is asked there, and in which voice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from corpus.registry.locks import lock_slack
from corpus.registry.schema import slack_channels


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """`collection` None: the default one. `persona` None: the collection's (CollectionSettings)."""

    collection: str | None = None
    persona: Mapping[str, Any] | None = None


def channel_settings(connection: Connection, team_id: str, channel_id: str) -> ChannelSettings:
    """As they were set last; the defaults where nobody set any."""
    row = connection.execute(
        select(slack_channels.c.collection, slack_channels.c.persona).where(
            slack_channels.c.team_id == team_id, slack_channels.c.channel_id == channel_id
        )
    ).first()
    return ChannelSettings() if row is None else ChannelSettings(row.collection, row.persona)


def set_channel(
    connection: Connection, team_id: str, channel_id: str, settings: ChannelSettings, user_id: str
) -> None:
    """Put these settings, which `user_id` chose, in place of those there are."""
    lock_slack(connection, f"{team_id}/{channel_id}")
    connection.execute(
        delete(slack_channels).where(
            slack_channels.c.team_id == team_id, slack_channels.c.channel_id == channel_id
        )
    )
    connection.execute(
        insert(slack_channels).values(
            team_id=team_id,
            channel_id=channel_id,
            collection=settings.collection,
            persona=settings.persona,
            changed_by=user_id,
            changed_at=datetime.now(UTC),
        )
    )
