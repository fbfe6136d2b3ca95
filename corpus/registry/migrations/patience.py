"""Changing tables that others use: nobody waits behind a change that waits.

On Postgres, whoever wants to change a table waits until all who read it have ended, and everybody
who comes meanwhile waits behind: a backup's snapshot can last for an hour. So a change waits for a
moment only, gives back what it has got, and tries again. SQLite's readers are in nobody's way.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from corpus.errors import StorageUnavailable

# For as long, others may have to wait for a table. Less than Postgres' deadlock_timeout (1 s), so
# that of two who wait for each other it is us who give up.
LOCK_LIMIT_MS = 800
AGAIN_S = 4.0
LIMIT_S = 600.0

# lock_not_available, and deadlock_detected: those who read take tables in any order.
_TRIED_AGAIN = frozenset({"55P03", "40P01"})

log = logging.getLogger("lectern.registry")


def patiently(connection: Connection, change: Callable[[], None]) -> None:
    """Run `change`, again and again while others have its tables, within the caller's transaction.

    The locks that the caller has are kept meanwhile. Raises `StorageUnavailable` after `LIMIT_S`.
    """
    if connection.dialect.name != "postgresql":
        change()
        return
    ends_s = time.monotonic() + LIMIT_S
    while not _tried(connection, change):
        if time.monotonic() >= ends_s:
            raise StorageUnavailable(
                f"The tables could not be changed for {LIMIT_S:.0f} s: others use them.",
                hint="Start again when what reads for so long has ended (lectern backup, a report, "
                "a session that was left open): SELECT * FROM pg_stat_activity ORDER BY "
                "xact_start.",
            )
        log.warning("The tables cannot be changed yet: others use them. It is tried again.")
        time.sleep(AGAIN_S)


def _tried(connection: Connection, change: Callable[[], None]) -> bool:
    try:
        with connection.begin_nested():
            connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_LIMIT_MS}"))
            change()
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) not in _TRIED_AGAIN:
            raise
        return False
    return True
