"""What is asked in Slack, as a question to the collection that its channel is set to."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from corpus.access import UNRESTRICTED, Reader
from corpus.errors import ConversationNotFound
from corpus.registry.collections import settings_of
from corpus.registry.conversations import find_conversation
from corpus.registry.database.engine import Registry
from corpus.registry.slack import SlackThread
from corpus.registry.slack_channels import ChannelSettings, channel_settings
from service.answering.writing.persona import Persona
from service.asking.question import DEFAULT_COLLECTION, Keeping, Question
from service.conversations.past import PastTurn


def settings_here(registry: Registry, team_id: str, channel_id: str) -> ChannelSettings:
    """How the channel is set up. Blocks."""
    with registry.read() as connection:
        return channel_settings(connection, team_id, channel_id)


def settings_for_asking(
    registry: Registry, thread: SlackThread, conversation_id: str | None = None
) -> ChannelSettings:
    """The same for a question: without the channel's persona where another collection is asked.

    That is where the thread's conversation began before the channel was set to this one. Nor with
    one where the collection has its own for everybody. Blocks.
    """
    with registry.read() as connection:
        here = channel_settings(connection, thread.team_id, thread.channel_id)
        if here.persona is None:
            return here
        chosen = asked = here.collection or DEFAULT_COLLECTION
        if conversation_id is not None:
            with suppress(ConversationNotFound):
                asked = find_conversation(connection, conversation_id, UNRESTRICTED).collection
        its_own = settings_of(connection, asked)
        is_fixed = its_own is not None and its_own.persona_is_fixed
    return replace(here, persona=None) if is_fixed or asked != chosen else here


def question_in(
    settings: ChannelSettings,
    text: str,
    reader: Reader,
    *,
    conversation_id: str | None = None,
    keeping: Keeping = Keeping.CONVERSATION,
    is_private: bool = False,
    past: tuple[PastTurn, ...] = (),
) -> Question:
    """The question; one that goes on with a conversation stays in its collection.

    `past` is what was said where the conversation begins: it was not said to the bot, so that
    nobody else is shown what was understood by it.

    Raises what `Question` does.
    """
    return Question(
        text,
        None if conversation_id is not None else settings.collection,
        reader,
        conversation_id=conversation_id,
        keeping=keeping,
        is_private=is_private,
        past=past,
        is_past_private=True,
        persona=None if settings.persona is None else Persona(**settings.persona),
    )
