"""The queue: claiming, keeping and giving back the job rows of the registry.

A job is leased, never taken: a worker that stops renewing (killed, hung, cut off) loses it when
the lease ends, and another takes over.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, and_, or_, select, update

from corpus.registry.schema import jobs

LEASE_S = 30.0  # a worker renews every RENEW_S; six misses and the job is another's
RENEW_S = 5.0


@dataclass(frozen=True, slots=True)
class Job:
    """One version to ingest. `claims` and `failures` count this try and the failures before it."""

    id: str
    document_id: str
    version: int
    claims: int
    failures: int


def claim_next(connection: Connection, worker: str) -> Job | None:
    """Lease the job whose turn it is, or None when nothing waits.

    Jobs that were never tried come first, so that a file which kills its worker again and again
    does not keep its neighbours waiting.
    """
    now = datetime.now(UTC)
    waiting = and_(jobs.c.state == "queued", jobs.c.run_after <= now)
    abandoned = and_(jobs.c.state == "running", jobs.c.lease_until < now)
    row = connection.execute(
        select(jobs.c.id, jobs.c.document_id, jobs.c.version, jobs.c.claims, jobs.c.failures)
        .where(or_(waiting, abandoned))
        .order_by(jobs.c.claims, jobs.c.run_after, jobs.c.created_at, jobs.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).first()
    if row is None:
        return None
    connection.execute(
        update(jobs)
        .where(jobs.c.id == row.id)
        .values(
            state="running",
            worker=worker,
            claims=row.claims + 1,
            lease_until=now + timedelta(seconds=LEASE_S),
        )
    )
    return Job(row.id, row.document_id, row.version, row.claims + 1, row.failures)


def renew(connection: Connection, job: Job, worker: str) -> bool:
    """Hold the job for another lease; False when it is no longer this worker's."""
    changed = connection.execute(
        update(jobs)
        .where(jobs.c.id == job.id, jobs.c.worker == worker, jobs.c.state == "running")
        .values(lease_until=datetime.now(UTC) + timedelta(seconds=LEASE_S))
    )
    return changed.rowcount == 1


def give_back(
    connection: Connection, job: Job, worker: str, *, failures: int, delay_s: float
) -> bool:
    """Queue the job again, to be tried after `delay_s` seconds; False when it was not ours."""
    now = datetime.now(UTC)
    changed = connection.execute(
        update(jobs)
        .where(jobs.c.id == job.id, jobs.c.worker == worker, jobs.c.state == "running")
        .values(
            state="queued",
            worker=None,
            lease_until=None,
            failures=failures,
            run_after=now + timedelta(seconds=delay_s),
        )
    )
    return changed.rowcount == 1


def release_all(connection: Connection) -> int:
    """Queue every running job again and count them; only when no worker can be alive."""
    changed = connection.execute(
        update(jobs)
        .where(jobs.c.state == "running")
        .values(state="queued", worker=None, lease_until=None)
    )
    return changed.rowcount
