"""The registry in a Postgres database, for several processes on several machines (psycopg 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr
from sqlalchemy import URL, Connection, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError

from corpus.errors import Misconfigured, StorageUnavailable, Unavailable
from corpus.registry.engine import Registry, up_to_date

# Connections of one process at most. A worker uses three; a server with its default of
# max_connections = 100 serves eight API processes.
POOL_SIZE = 4
POOL_OVERFLOW = 8
POOL_WAIT_S = 10.0
CONNECT_TIMEOUT_S = 5

# Sent at the start of each connection. Units of work take milliseconds; what exceeds these hangs.
_SESSION = {
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
    "timezone": "UTC",
}
# A host that vanishes sends nothing: noticed after about 30 s, where the system allows it.
_KEEPALIVES = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
_HINT = "Set DATABASE_URL to postgresql://user:password@host:5432/database, or leave it empty."


def open_postgres_registry(url: SecretStr) -> Registry:
    """Open the registry in the database at `url`, and bring its tables up to date.

    Raises `Misconfigured` for another kind of URL, or a database that cannot be used as it is, and
    `StorageUnavailable` when it does not answer, with the driver's own words: they are the
    operator's to read.
    """
    engine = create_engine(
        parse_url(url),
        connect_args=connect_arguments(url),
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=POOL_WAIT_S,
        pool_pre_ping=True,
        hide_parameters=True,  # an error's text must not carry those of documents into the log
    )
    registry = Registry(
        engine,
        reader=engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        ),
        writer=engine.execution_options(isolation_level="READ COMMITTED"),
    )
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


def parse_url(url: SecretStr) -> URL:
    """The URL for psycopg 3; `Misconfigured` for any but postgresql://."""
    given = url.get_secret_value()
    try:
        parsed = make_url(given)
    except (ArgumentError, ValueError):
        # Not from that error: its text is the URL, with the password.
        raise Misconfigured("DATABASE_URL is not a URL.", hint=_HINT) from None
    if parsed.drivername != "postgresql":
        raise Misconfigured(f"DATABASE_URL begins with {parsed.drivername}://.", hint=_HINT)
    return parsed.set(drivername="postgresql+psycopg")


def shown_url(url: SecretStr) -> str:
    """Where the database is, without who may enter: host, port and name."""
    parsed = parse_url(url)
    host = parsed.host or "the local socket"
    port = f":{parsed.port}" if parsed.port else ""
    return f"{host}{port}/{parsed.database or ''}"


def connect_arguments(url: SecretStr) -> Mapping[str, Any]:
    """What psycopg is told for each connection, beside the URL."""
    session = " ".join(f"-c {name}={value}" for name, value in _SESSION.items())
    given = parse_url(url).query.get("options", "")
    return {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "application_name": "lectern",
        "options": f"{session} {given}".strip(),
        # A statement prepared before another process migrated the tables fails after it, and some
        # connection poolers lose prepared statements.
        "prepare_threshold": None,
        **_KEEPALIVES,
    }


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
