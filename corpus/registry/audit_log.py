"""The audit log: who did what to what, when, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import Connection, delete, insert, select, tuple_

from corpus.registry.cursors import read_cursor, write_cursor
from corpus.registry.expiring import hold_old_ones
from corpus.registry.schema import audit

MAX_WHO_CHARS = 700
MAX_SUBJECT_CHARS = 128


@dataclass(frozen=True, slots=True)
class Entry:
    """One action: `subject` is an id or a name, `outcome` "ok" or the code of an error."""

    who: str
    action: str
    subject: str | None
    outcome: str
    request_id: str | None = None
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    id: str = field(default_factory=lambda: str(uuid4()))


def write_entries(connection: Connection, entries: Sequence[Entry]) -> None:
    """Add them, cut to what the columns hold."""
    rows = [
        {
            "id": one.id,
            "at": one.at,
            "who": one.who[:MAX_WHO_CHARS],
            "action": one.action,
            "subject": None if one.subject is None else one.subject[:MAX_SUBJECT_CHARS],
            "outcome": one.outcome,
            "request_id": one.request_id,
        }
        for one in entries
    ]
    if rows:
        connection.execute(insert(audit), rows)


def list_entries(
    connection: Connection, *, action: str | None, limit: int, cursor: str | None
) -> tuple[list[Entry], str | None]:
    """The newest first, and the cursor of the next page (None: no more). `InvalidRequest`."""
    key = (audit.c.at, audit.c.id)
    query = select(audit)
    if action is not None:
        query = query.where(audit.c.action == action)
    if cursor is not None:
        last = tuple_(*read_cursor(cursor), types=[column.type for column in key])
        query = query.where(tuple_(*key) < last)
    query = query.order_by(*(column.desc() for column in key)).limit(limit + 1)
    found = [
        Entry(row.who, row.action, row.subject, row.outcome, row.request_id, row.at, row.id)
        for row in connection.execute(query)
    ]
    if len(found) <= limit:
        return found, None
    return found[:limit], write_cursor(found[limit - 1].at, found[limit - 1].id)


def expire_entries(connection: Connection, older_than: timedelta) -> int:
    """Remove a batch of the older ones; how many: 0 when none is left."""
    ids = hold_old_ones(connection, audit, audit.c.at, older_than)
    connection.execute(delete(audit).where(audit.c.id.in_(ids)))
    return len(ids)
