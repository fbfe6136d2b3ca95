"""What the driver's errors mean; the real ones are in integration/test_failover.py."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.errors import FeatureNotSupported, ReadOnlySqlTransaction
from sqlalchemy.exc import InternalError, NotSupportedError

from corpus.registry.database.failures import reason_of

ONLY_READS = "it only accepts reading"


@pytest.mark.parametrize(
    ("error", "statement", "is_a_standbys"),
    [
        (FeatureNotSupported("cannot set transaction read-write"), "BEGIN READ WRITE", True),
        (FeatureNotSupported("FOR UPDATE is not allowed with UNION"), "SELECT 1", False),
        (ReadOnlySqlTransaction("cannot execute DELETE"), "DELETE FROM jobs", True),
    ],
)
def test_a_server_that_only_reads_is_told_from_what_no_server_supports(
    error: psycopg.Error, statement: str, is_a_standbys: bool
) -> None:
    kind = InternalError if isinstance(error, psycopg.InternalError) else NotSupportedError
    assert (reason_of(kind(statement, None, error)) == ONLY_READS) == is_a_standbys
