"""What is shown of a version's way through ingestion."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

from sqlalchemy import Connection, update

from corpus.registry.schema import versions
from corpus.values import ErrorReport, Status


def show_status(
    connection: Connection,
    document_id: str,
    version: int,
    status: Status,
    *,
    done: int = 0,
    total: int = 0,
    eta_s: int | None = None,
    error: ErrorReport | None = None,
) -> None:
    """Say where the version is: `done` of `total` units of its stage, ready in `eta_s` seconds.

    What was said before is gone, an `error` too.
    """
    connection.execute(
        update(versions)
        .where(versions.c.document_id == document_id, versions.c.version == version)
        .values(
            status=status,
            progress_done=done,
            progress_total=total,
            eta_s=eta_s,
            error=None if error is None else asdict(error),
            updated_at=datetime.now(UTC),
        )
    )
