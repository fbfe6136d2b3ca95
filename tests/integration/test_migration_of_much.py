"""Rows that take longer to compare than a database server lets a transaction idle."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import psycopg
from pydantic import SecretStr
from sqlalchemy import event

from corpus.access import UNRESTRICTED
from corpus.registry.database.engine import open_sqlite_registry
from corpus.registry.database.postgres import open_postgres_registry
from corpus.registry.new_versions import Content
from corpus.registry.uploads import Upload, accept_upload
from lectern.migration.rows import copy_rows, require_target

LIMIT_S = 1
_IDLE = (
    "SELECT extract(epoch FROM clock_timestamp() - state_change) FROM pg_stat_activity"
    " WHERE datname = current_database() AND state = 'idle in transaction'"
)


def test_the_database_idles_for_as_long_as_the_folder_is_read(
    postgres_url: str, tmp_path: Path
) -> None:
    options = f"?options=-c%20idle_in_transaction_session_timeout%3D{LIMIT_S}s"
    idled: list[float] = []

    def read_slowly(_source: object, _cursor: object, statement: str, *_others: object) -> None:
        """Until the database was idle for longer than the limit, or has ended the transaction."""
        if idled or not statement.startswith("SELECT"):
            return
        with psycopg.connect(postgres_url, autocommit=True) as observer:
            while not idled or LIMIT_S + 0.5 > idled[-1] > 0:
                idled.append(max((row[0] for row in observer.execute(_IDLE)), default=0.0))
                time.sleep(0.05)

    with (
        closing(open_sqlite_registry(tmp_path / "registry.sqlite")) as source,
        closing(open_postgres_registry(SecretStr(postgres_url + options))) as target,
    ):
        with source.write() as connection:
            content = Content("a" * 64, 1, "text/plain")
            accept_upload(connection, Upload("default", "f"), content, UNRESTRICTED)
        copy_rows(source, target, "ours")
        event.listen(source.engine, "before_cursor_execute", read_slowly)
        require_target(source, target)
    assert idled[-1] > LIMIT_S
