"""How conversations look over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from corpus.registry.conversations import MAX_TITLE_CHARS
from corpus.turns import Conversation, Turn
from service.rest.answer_shapes import TurnBody


class ConversationBody(BaseModel):
    """A conversation about one collection; its title is its first question, until it is renamed."""

    id: str
    collection: str
    title: str
    turn_count: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, conversation: Conversation) -> ConversationBody:
        """Shape a conversation."""
        return cls(
            id=conversation.id,
            collection=conversation.collection,
            title=conversation.title,
            turn_count=conversation.turns,
            created_at=conversation.created_at,
            updated_at=conversation.updated_at,
        )


class WholeConversationBody(ConversationBody):
    """A conversation with its turns, first to last; the last 200 of a longer one."""

    turns: list[TurnBody]

    @classmethod
    def with_turns(cls, conversation: Conversation, turns: Sequence[Turn]) -> WholeConversationBody:
        """Shape a conversation and its turns."""
        there = ConversationBody.of(conversation).model_dump()
        return cls(**there, turns=[TurnBody.of(turn) for turn in turns])


class ConversationListBody(BaseModel):
    """The last used first; `next_cursor` is null on the last page."""

    conversations: list[ConversationBody]
    next_cursor: str | None


class RenameRequest(BaseModel):
    """Another title."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=1, max_length=MAX_TITLE_CHARS)


class ConversationDeletedBody(BaseModel):
    """The receipt of a deletion."""

    id: str
    deleted: bool = True
