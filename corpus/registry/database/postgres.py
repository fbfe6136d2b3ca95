"""The registry in a Postgres database, for several processes on several machines (psycopg 3)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import SecretStr
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError

from corpus.errors import Misconfigured, StorageUnavailable, Unavailable
from corpus.registry.database.beginning import begins_with_limits
from corpus.registry.database.engine import WRITES, Registry, up_to_date
from corpus.registry.database.postgres_url import connect_arguments, shown_url
from corpus.registry.database.standbys import leaves_standbys
from corpus.registry.migrations import stored_revision

# Connections of one process at most. A worker uses three; a server with its default of
# max_connections = 100 serves eight API processes.
POOL_SIZE = 4
POOL_OVERFLOW = 8
POOL_WAIT_S = 10.0


def open_postgres_registry(url: SecretStr) -> Registry:
    """Open the registry in the database at `url`, and bring its tables up to date.

    Raises `Misconfigured` for another kind of URL, or a database that cannot be used as it is, and
    `StorageUnavailable` when it does not answer, with the driver's own words: they are the
    operator's to read.
    """
    registry = _registry(url)
    try:
        with registry.read() as connection:
            _require_utf8(connection)
        return up_to_date(registry)
    except StorageUnavailable as error:
        registry.close()
        raise _explained(error, url) from error
    except Misconfigured:
        registry.close()
        raise


@contextmanager
def postgres_registry_as_it_is(url: SecretStr) -> Iterator[Registry]:
    """The registry in the database at `url` with whatever tables it has.

    Raises `Misconfigured` or `StorageUnavailable`, as opening it does, also from the block.
    """
    registry = _registry(url)
    try:
        with registry.read() as connection:
            _require_utf8(connection)
        yield registry
    except StorageUnavailable as error:
        raise _explained(error, url) from error
    finally:
        registry.close()


def describe_database(url: SecretStr) -> str:
    """Where the database is, its version and its tables' revision; changes nothing in it.

    Raises `Misconfigured` or `StorageUnavailable`, as opening it does.
    """
    registry = _registry(url)
    try:
        with registry.read() as connection:
            _require_utf8(connection)
            version = connection.execute(text("SHOW server_version")).scalar_one()
            revision = stored_revision(connection)
    except StorageUnavailable as error:
        raise _explained(error, url) from error
    finally:
        registry.close()
    tables = "no tables yet" if revision is None else f"tables of revision {revision}"
    return f"Postgres {version} at {shown_url(url)}, {tables}"


def _registry(url: SecretStr) -> Registry:
    arguments = connect_arguments(url)
    engine = create_engine(
        "postgresql+psycopg://",
        connect_args=arguments,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=POOL_WAIT_S,
        pool_pre_ping=True,
        hide_parameters=True,  # an error's text must not carry those of documents into the log
    )
    begins_with_limits(engine, options=arguments.get("options", ""))
    leaves_standbys(engine)
    return Registry(engine, reader=engine, writer=engine.execution_options(**{WRITES: True}))


def _require_utf8(connection: Connection) -> None:
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        raise Misconfigured(
            f"The database's encoding is {encoding}, which cannot hold every text.",
            hint="Make one with UTF8: CREATE DATABASE lectern ENCODING 'UTF8' TEMPLATE template0.",
        )


def _explained(error: StorageUnavailable, url: SecretStr) -> Unavailable:
    """The error of a start: the operator reads it, so it says where, and what the driver said."""
    cause = error.__cause__
    if not isinstance(cause, DBAPIError):
        return error
    said = str(cause.orig).partition("\n")[0].strip().rstrip(".")
    detail = f"The database at {shown_url(url)} cannot be used: {said}."
    if getattr(cause.orig, "sqlstate", None) == "42501":
        return Misconfigured(
            detail,
            hint="Its user must be allowed to make tables: make it the database's owner.",
        )
    return StorageUnavailable(detail, hint="Check DATABASE_URL, and that the server runs.")
