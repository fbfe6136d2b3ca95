"""How a unit of work begins on Postgres: with its limits, in one message to a server that writes.

A pooler refuses limits that are sent at the start of a connection, or drops them, and lends the
server's processes from transaction to transaction: so each transaction brings its own. In the
message of its BEGIN they cost no round trip, and 3 % of a unit that reads one row on loopback; in
a SELECT after it, 50 %.
"""

from __future__ import annotations

import re

from sqlalchemy import Connection, Engine, event

from corpus.registry.database.engine import WRITES

# Units take milliseconds; what exceeds these hangs.
_LIMITS = {
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
}
_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_WRITE = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"


def begins_with_limits(engine: Engine, *, options: str) -> None:
    """Begin the engine's transactions so from now on, if its connections are in autocommit.

    What connections are opened with (`options`) holds instead of ours.
    """
    limits = "".join(
        f"; SET LOCAL {name} = '{limit}'"
        for name, limit in _LIMITS.items()
        if not _is_set(name, options)
    )

    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql((_WRITE if writes else _READ) + limits)

    event.listen(engine, "begin", begin)


def _is_set(name: str, options: str) -> bool:
    """Also as `--lock-timeout=5s`; what only ends in its name (deadlock_timeout) is another one."""
    said = options.replace("-", "_")
    return re.search(rf"(?<![a-z]){name}\s*=", said, re.IGNORECASE) is not None
