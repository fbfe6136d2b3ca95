"""DATABASE_URL: what it may be, what of it may be shown, and how connections are opened with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from corpus.errors import Misconfigured

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
        "client_encoding": "utf8",  # a server without an encoding would be read as bytes
        "options": f"{session} {given}".strip(),
        # A statement prepared before another process migrated the tables fails after it, and some
        # connection poolers lose prepared statements.
        "prepare_threshold": None,
        **_KEEPALIVES,
    }
