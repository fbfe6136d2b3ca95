"""The registry's connection to its database, and its units of work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection as SqliteConnection

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from corpus.errors import StorageUnavailable
from corpus.registry.schema import metadata

BUSY_TIMEOUT_MS = 15_000  # a writer waits this long for another one before it gives up

_WRITES = "lectern_writes"


class Registry:
    """Opens units of work; thread-safe. Close it when done.

    Both kinds raise `StorageUnavailable` when the database does not answer or cannot write.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = engine.execution_options(**{_WRITES: True})

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection on one consistent snapshot; nothing may be written through it."""
        with _storage_errors(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: committed at the end of the block, rolled back if it raises."""
        with _storage_errors(), self._writer.connect() as connection, connection.begin():
            yield connection

    def ping(self) -> None:
        """Raise when the database does not answer."""
        with self.read() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Release all connections."""
        self._engine.dispose()


def open_sqlite_registry(path: Path, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> Registry:
    """Open the registry in a SQLite file, which is made if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        f"sqlite:///{path}", connect_args={"timeout": busy_timeout_ms / 1000}, pool_size=8
    )
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    registry = Registry(engine)
    with registry.write() as connection:
        metadata.create_all(connection)
    return registry


@contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise StorageUnavailable(f"The registry does not answer: {error.orig}.") from error


def _configure_sqlite(connection: SqliteConnection, _entry: ConnectionPoolEntry) -> None:
    # None hands transactions to `_begin_sqlite`; the driver would begin them too late.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")
    # An accepted upload must survive a power cut, so every commit is synced.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    # Deleted text is overwritten, not only unlinked.
    connection.execute("PRAGMA secure_delete = ON")


def _begin_sqlite(connection: Connection) -> None:
    # A write that starts as a read fails at once with SQLITE_BUSY when another writer came first;
    # IMMEDIATE waits for its turn instead.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
