"""Conversations: begun, listed, renamed, deleted; what is said in them: turns.py."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, tuple_, update

from corpus.access import Reader
from corpus.errors import ConversationNotFound
from corpus.registry.cursors import read_cursor, write_cursor
from corpus.registry.expiring import hold_old_ones
from corpus.registry.schema import answer_sources, answers, conversations
from corpus.turns import Conversation

MAX_TITLE_CHARS = 200
# Each has several answers: so many, with four, hold another writer up for a tenth of a second.
_BATCH = 200


def begin_conversation(
    connection: Connection, collection: str, title: str, owner: str | None
) -> str:
    """A new conversation's id; `title` is cut to `MAX_TITLE_CHARS`."""
    conversation_id = str(uuid4())
    now = datetime.now(UTC)
    connection.execute(
        insert(conversations).values(
            id=conversation_id,
            collection=collection,
            owner=owner,
            title=title[:MAX_TITLE_CHARS],
            turns=0,
            created_at=now,
            updated_at=now,
        )
    )
    return conversation_id


def find_conversation(connection: Connection, conversation_id: str, reader: Reader) -> Conversation:
    """The conversation, or `ConversationNotFound`, also for somebody else's."""
    found = select(conversations).where(conversations.c.id == conversation_id, *_of(reader))
    row = connection.execute(found).first()
    if row is None:
        raise _not_found(conversation_id)
    return _conversation(row)


def list_conversations(
    connection: Connection,
    reader: Reader,
    *,
    collection: str | None,
    limit: int,
    cursor: str | None,
) -> tuple[list[Conversation], str | None]:
    """Those with a turn, the last used first, and the cursor of the next page (None: no more)."""
    key = (conversations.c.updated_at, conversations.c.id)
    query = select(conversations).where(conversations.c.turns > 0, *_of(reader))
    if collection is not None:
        query = query.where(conversations.c.collection == collection)
    if cursor is not None:
        last = tuple_(*read_cursor(cursor), types=[column.type for column in key])
        query = query.where(tuple_(*key) < last)
    query = query.order_by(*(column.desc() for column in key)).limit(limit + 1)
    found = [_conversation(row) for row in connection.execute(query)]
    if len(found) <= limit:
        return found, None
    last_one = found[limit - 1]
    return found[:limit], write_cursor(last_one.updated_at, last_one.id)


def rename_conversation(
    connection: Connection, conversation_id: str, title: str, reader: Reader
) -> Conversation:
    """Give it another title, cut to `MAX_TITLE_CHARS`; `ConversationNotFound`."""
    connection.execute(
        update(conversations)
        .where(conversations.c.id == conversation_id, *_of(reader))
        .values(title=title[:MAX_TITLE_CHARS])
    )
    return find_conversation(connection, conversation_id, reader)


def delete_conversation(connection: Connection, conversation_id: str, reader: Reader) -> None:
    """Delete it with all that was said in it; `ConversationNotFound`."""
    find_conversation(connection, conversation_id, reader)
    _delete(connection, conversations.c.id == conversation_id)


def forget_collection(connection: Connection, collection: str) -> None:
    """Delete all conversations about a collection, and what was answered outside of any."""
    _delete(connection, conversations.c.collection == collection)
    of_it = select(answers.c.id).where(answers.c.collection == collection)
    connection.execute(delete(answer_sources).where(answer_sources.c.answer_id.in_(of_it)))
    connection.execute(delete(answers).where(answers.c.collection == collection))


def expire_conversations(connection: Connection, unused_for: timedelta) -> int:
    """Delete a batch of those that nobody used for so long; how many: 0 when none is left."""
    return _expire(connection, unused_for)


def drop_empty_conversations(connection: Connection, older_than: timedelta) -> int:
    """Delete a batch of those of that age in which nothing was answered; how many, as above."""
    return _expire(connection, older_than, conversations.c.turns == 0)


def _expire(connection: Connection, unused_for: timedelta, *conditions: ColumnElement[bool]) -> int:
    unused = conversations.c.updated_at
    ids = hold_old_ones(connection, conversations, unused, unused_for, *conditions, at_most=_BATCH)
    _delete_held(connection, ids)
    return len(ids)


def _delete(connection: Connection, which: ColumnElement[bool]) -> None:
    while True:
        # Locked first: nothing is answered in them any more while their answers are deleted.
        some = select(conversations.c.id).where(which).order_by(conversations.c.id).limit(_BATCH)
        ids = [row.id for row in connection.execute(some.with_for_update())]
        if not ids:
            return
        _delete_held(connection, ids)


def _delete_held(connection: Connection, ids: Sequence[str]) -> None:
    of_them = select(answers.c.id).where(answers.c.conversation_id.in_(ids))
    connection.execute(delete(answer_sources).where(answer_sources.c.answer_id.in_(of_them)))
    connection.execute(delete(answers).where(answers.c.conversation_id.in_(ids)))
    connection.execute(delete(conversations).where(conversations.c.id.in_(ids)))


def _of(reader: Reader) -> list[ColumnElement[bool]]:
    """Conditions on a conversation: that it is this reader's."""
    conditions: list[ColumnElement[bool]] = []
    if reader.owner is not None:
        conditions.append(conversations.c.owner == reader.owner)
    if reader.collections is not None:
        conditions.append(conversations.c.collection.in_(sorted(reader.collections)))
    return conditions


def _conversation(row: Row[tuple[object, ...]]) -> Conversation:
    return Conversation(**row._asdict())


def _not_found(conversation_id: str) -> ConversationNotFound:
    return ConversationNotFound(f"There is no conversation {conversation_id!r}.")
