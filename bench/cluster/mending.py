"""What the replicas mend in the background: waited for, once the time they leave it is over."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import update

from bench.chaos.record import Record
from corpus.original_audit import audit_originals
from corpus.originals.open import opened_originals
from corpus.registry.database.engine import Registry
from corpus.registry.deletions import buried
from corpus.registry.installation import this_installation
from corpus.registry.schema import documents, sweeps
from corpus.registry.sweeps import due_sweeps
from corpus.settings import Settings
from tests.bucket import Bucket

# A replica looks each minute.
LIMIT_S = 150.0
LOOK_EVERY_S = 1.0


def wait_for_mending(registry: Registry, record: Record) -> None:
    """Make what was interrupted an hour older, and wait until the replicas have ended it.

    A violation when something stays.
    """
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    with registry.write() as connection:
        connection.execute(
            update(documents).where(documents.c.deleted_at.is_not(None)).values(deleted_at=long_ago)
        )
        connection.execute(update(sweeps).values(due_at=long_ago))
    ends_s = time.monotonic() + LIMIT_S
    while True:
        with registry.read() as connection:
            deletions, left = buried(connection), due_sweeps(connection, limit=10)
        if not deletions and not left:
            return
        if time.monotonic() > ends_s:
            record.violation(f"not mended in {LIMIT_S:.0f} s: {deletions[:10]}, {left}")
            return
        time.sleep(LOOK_EVERY_S)


def strays_removed(registry: Registry, bucket: Bucket, folder: Path, record: Record) -> int:
    """Reconcile originals as if an hour had passed; how many nobody referred to."""
    settings = Settings(data_dir=folder / "auditor", **bucket.settings())  # type: ignore[arg-type]
    with opened_originals(settings, this_installation(registry)) as originals:
        found = audit_originals(registry, originals, grace_s=0.0)
    for sha256 in found.missing:
        record.violation(f"the original {sha256} is missing")
    return len(found.removed)
