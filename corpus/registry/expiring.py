"""What is kept for a time only goes a batch at a time, each in a transaction of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Column, ColumnElement, Connection, Table, select

BATCH = 1_000


def hold_old_ones(
    connection: Connection,
    table: Table,
    age_by: Column[datetime],
    older_than: timedelta,
    *conditions: ColumnElement[bool],
    at_most: int = BATCH,
) -> Sequence[str]:
    """Ids of the oldest rows of that age, held until the unit ends; empty when none is left.

    What somebody holds now, perhaps another process that does the same, comes the next time.
    """
    old = select(table.c.id).where(age_by < datetime.now(UTC) - older_than, *conditions)
    some = old.order_by(age_by).limit(at_most).with_for_update(skip_locked=True)
    return connection.execute(some).scalars().all()
