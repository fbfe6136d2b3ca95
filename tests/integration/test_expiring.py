"""What is kept long enough goes, whatever else fails, and keeps no server from ending."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import event, func, select, text

from corpus.errors import StorageUnavailable
from corpus.registry.audit_log import Entry, write_entries
from corpus.registry.conversations import begin_conversation
from corpus.registry.database.engine import Registry, open_sqlite_registry
from corpus.registry.expiring import BATCH
from corpus.registry.schema import audit, conversations
from corpus.settings import Settings
from lectern.server.expiry import expiring
from tests.doubles.parts import parts_with

OLD = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    opened = open_sqlite_registry(tmp_path / "registry.sqlite")
    yield opened
    opened.close()


def entries(registry: Registry) -> int:
    with registry.read() as connection:
        return connection.execute(select(func.count()).select_from(audit)).scalar_one()


def write_old_entries(registry: Registry, count: int) -> None:
    with registry.write() as connection:
        write_entries(connection, [Entry("who", "ask", None, "ok", at=OLD) for _ in range(count)])


def test_what_cannot_be_given_up_keeps_nothing_else(registry: Registry) -> None:
    write_old_entries(registry, 1)
    with registry.write() as connection:
        connection.execute(text("DROP TABLE slack_events"))
        connection.execute(text("DROP TABLE key_usage"))
    failed = 0
    for step in expiring(Settings(), threading.Event()):
        try:
            step(parts_with(registry))
        except StorageUnavailable:
            failed += 1
    assert failed == 2
    assert entries(registry) == 0


def test_a_server_that_ends_waits_for_one_batch_only(registry: Registry) -> None:
    write_old_entries(registry, 2 * BATCH)
    stop = threading.Event()
    *_, last = expiring(Settings(), stop)
    event.listen(registry.engine, "commit", lambda _connection: stop.set())
    last(parts_with(registry))
    assert entries(registry) == BATCH


@pytest.mark.parametrize("days", [0, 1])
def test_conversations_stay_unless_the_operator_wants_them_to_go(
    registry: Registry, days: int
) -> None:
    with registry.write() as connection:
        begin_conversation(connection, "default", "Title", None)
        connection.execute(conversations.update().values(updated_at=OLD, turns=1))
    for step in expiring(Settings(keep_conversations_days=days), threading.Event()):
        step(parts_with(registry))
    with registry.read() as connection:
        left = connection.execute(select(func.count()).select_from(conversations)).scalar_one()
    assert left == (0 if days else 1)
