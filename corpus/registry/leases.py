"""Leases of jobs: claiming, keeping and giving back.

A job is leased, never taken: a worker that stops renewing (killed, cut off) loses it when the lease
ends, and another takes over.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, or_, select, true, update

from corpus.registry.fingerprints import is_cut_by
from corpus.registry.jobs import announce_work
from corpus.registry.locks import lock_document
from corpus.registry.schema import collections, documents, jobs
from corpus.registry.version_status import show_status
from corpus.values import Status

LEASE_S = 30.0  # a worker renews it far more often
SUSPECT_CLAIMS = 2  # claimed more often without any outcome, a job waits behind all others
BULK_PATIENCE_S = 3600.0  # so long an import lets single uploads go first, then it takes its turn


@dataclass(frozen=True, slots=True)
class Lease:
    """A version that `worker` has taken on.

    `claims` counts the tries without an outcome, this one included, and `failures` the tries that
    failed for a reason that may pass, of which for `outages` a dependency was away. `request_id`
    and `traceparent` are those of what queued it.
    """

    job_id: str
    document_id: str
    version: int
    worker: str
    claims: int = 1
    failures: int = 0
    outages: int = 0
    request_id: str | None = None
    traceparent: str | None = None


def claim_next(connection: Connection, worker: str, *, chunker: int | None = None) -> Lease | None:
    """Lease the job whose turn it is, or None when nothing waits.

    Collections that are cut by a newer version than `chunker`, the worker's, are left to others.

    Single uploads go before imports; collections take turns; within one, the oldest goes first. A
    file that took its worker with it again and again goes last, so that its neighbours do not wait.
    """
    now = datetime.now(UTC)
    waiting = and_(jobs.c.state == "queued", jobs.c.run_after <= now)
    abandoned = and_(jobs.c.state == "running", jobs.c.lease_until < now)
    patient = and_(jobs.c.is_bulk, jobs.c.created_at > now - timedelta(seconds=BULK_PATIENCE_S))
    ours = true() if chunker is None else is_cut_by(chunker)
    row = connection.execute(
        select(
            jobs.c.id,
            jobs.c.document_id,
            jobs.c.version,
            jobs.c.claims,
            jobs.c.failures,
            jobs.c.outages,
            jobs.c.request_id,
            jobs.c.traceparent,
            documents.c.collection,
        )
        .join(documents, documents.c.id == jobs.c.document_id)
        .join(collections, collections.c.name == documents.c.collection)
        .where(or_(waiting, abandoned), ours)
        .order_by(
            jobs.c.claims > SUSPECT_CLAIMS,
            patient,
            collections.c.served_at.asc().nulls_first(),
            jobs.c.run_after,
            jobs.c.created_at,
            jobs.c.id,
        )
        .limit(1)
        .with_for_update(skip_locked=True, of=jobs)
    ).first()
    if row is None:
        return None
    connection.execute(
        update(collections).where(collections.c.name == row.collection).values(served_at=now)
    )
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
    return Lease(
        row.id,
        row.document_id,
        row.version,
        worker,
        claims=row.claims + 1,
        failures=row.failures,
        outages=row.outages,
        request_id=row.request_id,
        traceparent=row.traceparent,
    )


def hold(connection: Connection, lease: Lease) -> bool:
    """Whether the job is still this worker's, and the document not deleted.

    If so, both stay so until the transaction ends: without the locks another worker could claim a
    job whose lease ran out between our look and our write.
    """
    lock_document(connection, lease.document_id)
    held = (
        select(jobs.c.id)
        .join(documents, documents.c.id == jobs.c.document_id)
        .where(
            documents.c.id == lease.document_id,
            documents.c.deleted_at.is_(None),
            jobs.c.version == lease.version,
            jobs.c.state == "running",
            jobs.c.worker == lease.worker,
        )
        .with_for_update(of=jobs)
    )
    return connection.execute(held).first() is not None


def renew(connection: Connection, lease: Lease) -> bool:
    """Hold the job for `LEASE_S` more; False when it is no longer this worker's."""
    changed = connection.execute(
        update(jobs)
        .where(_is_leased(lease))
        .values(lease_until=datetime.now(UTC) + timedelta(seconds=LEASE_S))
    )
    return changed.rowcount == 1


def give_back(
    connection: Connection,
    lease: Lease,
    *,
    failures: int,
    outages: int,
    delay_s: float,
    reason: str | None = None,
) -> bool:
    """Queue the job again, to be tried after `delay_s` seconds; False when it was not ours.

    The claim does not count: it ended in order. `reason` says why it failed, if it did.
    """
    lock_document(connection, lease.document_id)
    now = datetime.now(UTC)
    changed = connection.execute(
        update(jobs)
        .where(_is_leased(lease))
        .values(
            state="queued",
            worker=None,
            lease_until=None,
            claims=lease.claims - 1,
            failures=failures,
            outages=outages,
            reason=reason,
            run_after=now + timedelta(seconds=delay_s),
        )
    )
    if changed.rowcount != 1:
        return False
    show_status(connection, lease.document_id, lease.version, Status.QUEUED)
    return True


def _is_leased(lease: Lease) -> ColumnElement[bool]:
    return and_(jobs.c.id == lease.job_id, jobs.c.worker == lease.worker, jobs.c.state == "running")


def release_all(connection: Connection) -> int:
    """Queue every running job again and count them; for when their workers are dead.

    A worker that lives after all finds that its job is no longer its own, and changes nothing.
    """
    return _release(connection, jobs.c.state == "running")


def release_jobs_of(connection: Connection, workers_named: str) -> int:
    """The same for the workers whose names begin so (`worker_names_of` has those of a process)."""
    theirs = jobs.c.worker.startswith(workers_named, autoescape=True)
    return _release(connection, and_(jobs.c.state == "running", theirs))


def _release(connection: Connection, which: ColumnElement[bool]) -> int:
    running = connection.execute(
        select(jobs.c.id, jobs.c.document_id, jobs.c.version)
        .where(which)
        .order_by(jobs.c.document_id)
    ).all()
    released = 0
    for job_id, document_id, version in running:
        lock_document(connection, document_id)
        changed = connection.execute(
            update(jobs)
            .where(jobs.c.id == job_id, which)
            .values(state="queued", worker=None, lease_until=None)
        )
        if changed.rowcount:
            show_status(connection, document_id, version, Status.QUEUED)
            released += 1
    if released:
        announce_work(connection)
    return released
