"""Leaving a server that only accepts reading, as the one before is after a failover."""

from __future__ import annotations

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from corpus.registry.database.engine import WRITES
from corpus.registry.database.failures import only_reads


def leaves_standbys(engine: Engine) -> None:
    """Drop the engine's connections when a server only accepts reading.

    It lets us connect and read what it knows, perhaps for ever. New connections find the server
    that writes, where the URL leads to it.
    """
    event.listen(engine, "handle_error", _drop_if_standby)


def _drop_if_standby(raised: ExceptionContext) -> None:
    if raised.connection is None or not raised.connection.get_execution_options().get(WRITES):
        return  # who writes where it only reads has a mistake of ours
    if only_reads(raised.original_exception, raised.statement):
        raised.is_disconnect = True
