"""What is asked in Slack, as a question to the collection that its channel is set to."""

from __future__ import annotations

from corpus.access import Reader
from corpus.registry.database.engine import Registry
from corpus.registry.slack_channels import ChannelSettings, channel_settings
from service.answering.writing.persona import Persona
from service.asking.question import Keeping, Question


def settings_here(registry: Registry, team_id: str, channel_id: str) -> ChannelSettings:
    """How the channel is set up. Blocks."""
    with registry.read() as connection:
        return channel_settings(connection, team_id, channel_id)


def question_in(
    settings: ChannelSettings,
    text: str,
    reader: Reader,
    *,
    conversation_id: str | None = None,
    keeping: Keeping = Keeping.CONVERSATION,
    is_private: bool = False,
) -> Question:
    """The question; one that goes on with a conversation stays in its collection.

    Raises what `Question` does.
    """
    return Question(
        text,
        None if conversation_id is not None else settings.collection,
        reader,
        conversation_id=conversation_id,
        keeping=keeping,
        is_private=is_private,
        persona=None if settings.persona is None else Persona(**settings.persona),
    )
