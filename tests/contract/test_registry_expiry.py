"""What is kept for a time only goes in the end, however much it is, and a batch at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Connection, func, insert, select, update

from corpus.registry.audit_log import Entry, expire_entries, write_entries
from corpus.registry.conversations import (
    begin_conversation,
    drop_empty_conversations,
    expire_conversations,
)
from corpus.registry.database.engine import Registry
from corpus.registry.schema import answer_sources, answers, audit, conversations
from corpus.registry.turns import expire_answers, expire_traces

MANY = 2_100
OLD = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def keep_answers(connection: Connection, count: int, *, at: datetime, apart: bool) -> list[str]:
    """Answers with a source and a trace each, outside of a conversation or in one; their ids."""
    ids = [str(uuid4()) for _ in range(count)]
    conversation_id = None if apart else begin_conversation(connection, "default", "Title", None)
    row = {
        "conversation_id": conversation_id,
        "ordinal": 0,
        "collection": "default",
        "question": "Q?",
        "standalone_question": "Q?",
        "reply": {},
        "trace": {"prompt": "secret"},
        "created_at": at,
    }
    connection.execute(insert(answers), [{**row, "id": one} for one in ids])
    connection.execute(
        insert(answer_sources), [{"answer_id": one, "document_id": "d"} for one in ids]
    )
    return ids


def batches(registry: Registry, expire: Callable[[Connection, timedelta], int]) -> list[int]:
    done = [1]
    while done[-1]:
        with registry.write() as connection:
            done.append(expire(connection, DAY))
    return done[1:]


@pytest.mark.parametrize("expire", [expire_answers, expire_traces])
def test_old_answers_go_batch_by_batch_and_no_other(
    registry: Registry, expire: Callable[[Connection, timedelta], int]
) -> None:
    now = datetime.now(UTC)
    with registry.write() as connection:
        keep_answers(connection, MANY, at=OLD, apart=expire is expire_answers)
        fresh = keep_answers(connection, 1, at=now, apart=True)
        said = keep_answers(connection, 1, at=now, apart=False)
    done = batches(registry, expire)
    assert sum(done) == MANY
    assert max(done) < MANY
    with registry.read() as connection:
        kept = select(answers.c.id).where(answers.c.trace.is_not(None))
        assert set(connection.execute(kept).scalars()) == {*fresh, *said}
        left = 2 if expire is expire_answers else MANY + 2
        for table in (answers, answer_sources):
            count = select(func.count()).select_from(table)
            assert connection.execute(count).scalar_one() == left


@pytest.mark.parametrize("expire", [expire_conversations, drop_empty_conversations])
def test_old_conversations_go_batch_by_batch_and_no_other(
    registry: Registry, expire: Callable[[Connection, timedelta], int]
) -> None:
    turns = 1 if expire is expire_conversations else 0
    with registry.write() as connection:
        for _ in range(MANY // 3):
            begin_conversation(connection, "default", "Title", None)
        keep_answers(connection, 2, at=OLD, apart=False)
        connection.execute(update(conversations).values(updated_at=OLD, turns=turns))
        fresh = begin_conversation(connection, "default", "Title", None)
        apart = keep_answers(connection, 1, at=OLD, apart=True)
    done = batches(registry, expire)
    assert sum(done) == MANY // 3 + 1
    assert max(done) < MANY // 3
    with registry.read() as connection:
        assert connection.execute(select(conversations.c.id)).scalars().all() == [fresh]
        assert connection.execute(select(answers.c.id)).scalars().all() == apart
        assert connection.execute(select(answer_sources.c.answer_id)).scalars().all() == apart


def test_old_entries_of_the_audit_log_go_batch_by_batch_and_no_other(registry: Registry) -> None:
    fresh = Entry("who", "ask", None, "ok")
    with registry.write() as connection:
        write_entries(connection, [Entry("who", "ask", None, "ok", at=OLD) for _ in range(MANY)])
        write_entries(connection, [fresh])
    done = batches(registry, expire_entries)
    assert sum(done) == MANY
    assert max(done) < MANY
    with registry.read() as connection:
        assert connection.execute(select(audit.c.id)).scalars().all() == [fresh.id]
