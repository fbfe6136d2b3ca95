"""Which of the database's errors mean that it is away, full or busy: all are `StorageUnavailable`.

What is left (a constraint, a value out of range, wrong SQL) is a mistake of ours, and stays loud.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy.exc import (
    DatabaseError,
    DBAPIError,
    InterfaceError,
    InternalError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from corpus.errors import StorageUnavailable

# By SQLSTATE, or its class (the first two characters): PostgreSQL manual, appendix A. The server's
# own words can name hosts and users, so callers read ours; the log has the cause.
_REASONS: Mapping[str, str] = {
    "08": "the connection was lost",
    "25P03": "a transaction was idle for too long",
    "28": "it does not accept the credentials of DATABASE_URL",
    "3D": "the database of DATABASE_URL does not exist",
    "40": "another transaction was in the way",
    "42501": "the user of DATABASE_URL lacks a permission",
    "53100": "its disk is full",
    "53200": "it is out of memory",
    "53300": "it has too many connections",
    "53": "it lacks resources",
    "55P03": "something was locked for too long",
    "57014": "it took too long",
    "57": "it is starting or shutting down",
    "58": "its storage fails",
}
_ONLY_READS = "it only accepts reading"
_UNREACHABLE = "it cannot be reached"


@contextmanager
def storage_errors() -> Iterator[None]:
    """Raise `StorageUnavailable` in place of what the database's absence raises in the block."""
    try:
        yield
    except PoolTimeoutError as error:
        raise StorageUnavailable("The registry is busy: all connections are in use.") from error
    except DBAPIError as error:
        if not is_outage(error):
            raise
        raise StorageUnavailable(f"The registry does not answer: {reason_of(error)}.") from error


def is_outage(error: DBAPIError) -> bool:
    """Whether the same statement may work later.

    The drivers raise far more than OperationalError for it: a connection that is gone is an
    InterfaceError, one that the server ended for its idleness or made read-only an InternalError,
    a damaged SQLite file a plain DatabaseError.
    """
    outages = (OperationalError, InterfaceError, InternalError)
    return (
        error.connection_invalidated
        or isinstance(error, outages)
        or type(error) is DatabaseError
        or _state_of(error.orig) == "42501"
    )


def reason_of(error: DBAPIError) -> str:
    """Half a sentence without host, user or statement."""
    if not hasattr(error.orig, "sqlstate"):
        return str(error.orig)  # SQLite's words name neither
    if only_reads(error.orig, error.statement):
        return _ONLY_READS
    state = _state_of(error.orig)
    return _REASONS.get(state) or _REASONS.get(state[:2]) or _UNREACHABLE


def only_reads(error: BaseException | None, statement: str | None) -> bool:
    """Whether the driver's error at this statement says that the server only accepts reading."""
    # A standby refuses to begin a unit that writes with feature_not_supported, which at any other
    # statement is a mistake of ours.
    begins = (statement or "").startswith("BEGIN")
    return _state_of(error) == "25006" or (_state_of(error) == "0A000" and begins)


def _state_of(error: BaseException | None) -> str:
    return getattr(error, "sqlstate", None) or ""
