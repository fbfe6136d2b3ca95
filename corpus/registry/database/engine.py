"""The registry's connection to its database, and its units of work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from sqlite3 import Connection as SqliteConnection

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.pool import ConnectionPoolEntry

from corpus.pinging import BoundedPing
from corpus.registry.database.failures import storage_errors
from corpus.registry.migrations import HEAD, bring_up_to_date, stored_revision

BUSY_TIMEOUT_MS = 15_000  # a writer waits this long for another one before it gives up

WRITES = "lectern_writes"  # the option of who writes, for what begins the transaction


class Registry:
    """Opens units of work; thread-safe. Close it when done.

    Both kinds raise `StorageUnavailable` when the database does not answer or cannot write; once
    it answers again, the next one works.
    """

    def __init__(self, engine: Engine, *, reader: Engine, writer: Engine) -> None:
        """`reader` and `writer` are the engine, with the options for each kind of unit."""
        self._engine = engine
        self._reader = reader
        self._writer = writer
        self._ping = BoundedPing(self._select_one, name="The registry")

    @property
    def engine(self) -> Engine:
        """What runs the statements of all units of work; for those who watch them."""
        return self._engine

    @property
    def is_shared(self) -> bool:
        """Whether processes on other machines may use it too."""
        return self._engine.dialect.name != "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection on one consistent snapshot; nothing may be written through it."""
        with storage_errors(), self._reader.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: committed at the end of the block, rolled back if it raises."""
        with storage_errors(), self._writer.connect() as connection, connection.begin():
            yield connection

    def ping(self) -> None:
        """Raise `StorageUnavailable` within seconds when the database does not answer, or write."""
        self._ping()

    def truncate_log(self) -> bool:
        """Empty SQLite's write-ahead log, whose pages hold deleted text until then.

        False, and nothing done, while somebody reads or writes: try again later. Elsewhere there
        is nothing to do here: what a database server keeps is its operator's.
        """
        if self._engine.dialect.name != "sqlite":
            return True
        with storage_errors(), closing(self._engine.raw_connection()) as connection:
            cursor = connection.cursor()
            (patience_ms,) = cursor.execute("PRAGMA busy_timeout").fetchone()
            cursor.execute("PRAGMA busy_timeout = 0")
            (is_busy, *_) = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            cursor.execute(f"PRAGMA busy_timeout = {patience_ms}")
            return not is_busy

    def close(self) -> None:
        """Release all connections."""
        self._engine.dispose()

    def _select_one(self) -> None:
        # A server that became a standby would go on answering who reads. On SQLite a unit that
        # writes waits for the one before it.
        unit = self.write if self.is_shared else self.read
        with unit() as connection:
            connection.execute(text("SELECT 1"))


def open_sqlite_registry(path: Path, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> Registry:
    """Open the registry in a SQLite file, which is made if it is missing, and bring it up to date.

    Raises `StorageUnavailable`, or `Misconfigured` when a newer Lectern has written it.
    """
    return up_to_date(sqlite_registry_as_it_is(path, busy_timeout_ms=busy_timeout_ms))


def sqlite_registry_as_it_is(path: Path, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> Registry:
    """The registry in a SQLite file with whatever tables it has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        f"sqlite:///{path}",
        connect_args={"timeout": busy_timeout_ms / 1000},
        pool_size=8,
        hide_parameters=True,  # an error's text must not carry those of documents into the log
    )
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return Registry(engine, reader=engine, writer=engine.execution_options(**{WRITES: True}))


def up_to_date(registry: Registry) -> Registry:
    """The registry itself, its tables made or migrated where needed; closed if that fails."""
    ready = False
    try:
        with registry.read() as connection:
            current = stored_revision(connection)
        if current != HEAD:
            with registry.write() as connection:
                bring_up_to_date(connection)
        ready = True
    finally:
        if not ready:
            registry.close()
    return registry


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
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
