"""Conversations: what was asked and answered before."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from corpus.errors import ConversationNotFound, InvalidRequest, MalformedJson, StorageUnavailable
from corpus.registry.conversations import (
    MAX_TITLE_CHARS,
    delete_conversation,
    find_conversation,
    list_conversations,
    rename_conversation,
)
from corpus.registry.turns import turns_of
from corpus.turns import Conversation
from service.http.answers import TurnBody
from service.http.openapi import errors
from service.http.parameters import PAGE_SIZE, ConversationId, Cursor, InCollection
from service.http.state import Parts

MAX_TURNS_SHOWN = 200

router = APIRouter(tags=["conversations"], responses=errors(InvalidRequest, StorageUnavailable))


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
        return cls(**_fields(conversation))


class WholeConversationBody(ConversationBody):
    """A conversation with its turns, first to last; the last 200 of a longer one."""

    turns: list[TurnBody]


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


@router.get("/conversations", operation_id="listConversations")
def list_them(
    parts: Parts,
    collection: InCollection = None,
    limit: Annotated[int, Query(ge=1, le=200, description=PAGE_SIZE)] = 50,
    cursor: Cursor = None,
) -> ConversationListBody:
    """Conversations in which something was answered, the last used first."""
    with parts.registry.read() as connection:
        found, next_cursor = list_conversations(
            connection, collection=collection, limit=limit, cursor=cursor
        )
    return ConversationListBody(
        conversations=[ConversationBody.of(one) for one in found], next_cursor=next_cursor
    )


@router.get(
    "/conversations/{conversation_id}",
    operation_id="getConversation",
    responses=errors(ConversationNotFound),
)
def read(parts: Parts, conversation_id: ConversationId) -> WholeConversationBody:
    """A conversation with all that was asked and answered in it."""
    with parts.registry.read() as connection:
        conversation = find_conversation(connection, conversation_id)
        turns = turns_of(connection, conversation_id, last=MAX_TURNS_SHOWN)
    return WholeConversationBody(
        **_fields(conversation), turns=[TurnBody.of(turn) for turn in turns]
    )


@router.patch(
    "/conversations/{conversation_id}",
    operation_id="renameConversation",
    responses=errors(MalformedJson, ConversationNotFound),
)
def rename(parts: Parts, conversation_id: ConversationId, body: RenameRequest) -> ConversationBody:
    """Give a conversation another title."""
    with parts.registry.write() as connection:
        return ConversationBody.of(rename_conversation(connection, conversation_id, body.title))


@router.delete(
    "/conversations/{conversation_id}",
    operation_id="deleteConversation",
    responses=errors(ConversationNotFound),
)
def delete(parts: Parts, conversation_id: ConversationId) -> ConversationDeletedBody:
    """Delete a conversation with its questions, answers and how they came about."""
    with parts.registry.write() as connection:
        delete_conversation(connection, conversation_id)
    return ConversationDeletedBody(id=conversation_id)


def _fields(conversation: Conversation) -> dict[str, object]:
    return {
        "id": conversation.id,
        "collection": conversation.collection,
        "title": conversation.title,
        "turn_count": conversation.turns,
        "created_at": conversation.created_at,
        "updated_at": conversation.updated_at,
    }
