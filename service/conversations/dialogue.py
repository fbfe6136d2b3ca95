"""Where a question stands in a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from corpus.access import Reader, collection_not_found
from corpus.errors import InvalidRequest
from corpus.registry.conversations import begin_conversation, find_conversation
from corpus.registry.database.engine import Registry
from corpus.registry.locks import hold_collection
from corpus.registry.turns import turns_of
from service.conversations.past import MAX_TURNS, PastTurn, past_turns


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A conversation about one collection, and its last turns, first to last.

    `conversation_id` is None where the caller keeps the conversation.
    """

    collection: str
    conversation_id: str | None = None
    past: Sequence[PastTurn] = ()


def begin_dialogue(
    registry: Registry, collection: str, *, title: str, owner: str | None, must_exist: bool
) -> Dialogue:
    """Begin a conversation about the collection; `CollectionNotFound` where it must exist."""
    with registry.write() as connection:
        if not hold_collection(connection, collection) and must_exist:
            raise collection_not_found(collection)
        return Dialogue(collection, begin_conversation(connection, collection, title, owner))


def go_on(
    connection: Connection, conversation_id: str, collection: str | None, reader: Reader
) -> Dialogue:
    """Go on with a conversation.

    Raises ConversationNotFound, and InvalidRequest when it is about another collection than the
    one that is named.
    """
    conversation = find_conversation(connection, conversation_id, reader)
    turns = turns_of(connection, conversation_id, reader, last=MAX_TURNS)
    if collection not in {None, conversation.collection}:
        raise InvalidRequest(
            f"The conversation is about the collection {conversation.collection!r}.",
            hint="Begin another conversation, without conversation_id.",
        )
    return Dialogue(conversation.collection, conversation_id, past_turns(turns))
