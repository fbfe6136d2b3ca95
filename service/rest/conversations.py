"""Conversations: what was asked and answered before."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from corpus.errors import ConversationNotFound, InvalidRequest, MalformedJson, StorageUnavailable
from corpus.registry.conversations import (
    delete_conversation,
    find_conversation,
    list_conversations,
    rename_conversation,
)
from corpus.registry.turns import turns_of
from service.http.state import Parts, Reads
from service.rest.conversation_shapes import (
    ConversationBody,
    ConversationDeletedBody,
    ConversationListBody,
    RenameRequest,
    WholeConversationBody,
)
from service.rest.openapi import error_responses
from service.rest.parameters import PAGE_SIZE, ConversationId, Cursor, InCollection

MAX_TURNS_SHOWN = 200

router = APIRouter(
    tags=["conversations"], responses=error_responses(InvalidRequest, StorageUnavailable)
)


@router.get("/conversations", operation_id="listConversations")
def list_them(
    parts: Parts,
    reader: Reads,
    collection: InCollection = None,
    limit: Annotated[int, Query(ge=1, le=200, description=PAGE_SIZE)] = 50,
    cursor: Cursor = None,
) -> ConversationListBody:
    """Conversations in which something was answered, the last used first."""
    with parts.registry.read() as connection:
        found, next_cursor = list_conversations(
            connection, reader, collection=collection, limit=limit, cursor=cursor
        )
    return ConversationListBody(
        conversations=[ConversationBody.of(one) for one in found], next_cursor=next_cursor
    )


@router.get(
    "/conversations/{conversation_id}",
    operation_id="getConversation",
    responses=error_responses(ConversationNotFound),
)
def read(parts: Parts, reader: Reads, conversation_id: ConversationId) -> WholeConversationBody:
    """A conversation with all that was asked and answered in it."""
    with parts.registry.read() as connection:
        conversation = find_conversation(connection, conversation_id, reader)
        turns = turns_of(connection, conversation_id, reader, last=MAX_TURNS_SHOWN)
    return WholeConversationBody.with_turns(conversation, turns)


@router.patch(
    "/conversations/{conversation_id}",
    operation_id="renameConversation",
    responses=error_responses(MalformedJson, ConversationNotFound),
)
def rename(
    parts: Parts, reader: Reads, conversation_id: ConversationId, body: RenameRequest
) -> ConversationBody:
    """Give a conversation another title."""
    with parts.registry.write() as connection:
        return ConversationBody.of(
            rename_conversation(connection, conversation_id, body.title, reader)
        )


@router.delete(
    "/conversations/{conversation_id}",
    operation_id="deleteConversation",
    responses=error_responses(ConversationNotFound),
)
def delete(parts: Parts, reader: Reads, conversation_id: ConversationId) -> ConversationDeletedBody:
    """Delete a conversation with its questions, answers and how they came about."""
    with parts.registry.write() as connection:
        delete_conversation(connection, conversation_id, reader)
    return ConversationDeletedBody(id=conversation_id)
