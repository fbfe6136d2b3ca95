"""The worker's loop: claim, ingest, settle; renewing the lease meanwhile."""

from __future__ import annotations

import logging
import math
import os
import random
import socket
import threading
import time
from contextlib import AbstractContextManager
from uuid import uuid4

from corpus.errors import DocumentNotFound, IndexSuperseded, LecternError, NeedsOcr, Unavailable
from corpus.registry.chunkers import count_left_to_newer
from corpus.registry.database.engine import Registry
from corpus.registry.fingerprints import chunker_of, require_current
from corpus.registry.leases import Lease, claim_next, give_back, renew
from corpus.registry.locks import lock_document
from corpus.registry.sweeps import strike_sweep
from corpus.registry.versions import fail_version, is_wanted
from corpus.repeating import repeating
from corpus.values import Coverage, ErrorReport
from corpus.work import work_for
from ingestion.measures import NOT_MEASURED, IngestionMeasures
from ingestion.pipeline.pipeline import Pipeline
from ingestion.pipeline.progress import LostJobError, StoppingError
from ingestion.worker.presence import present
from ingestion.worker.retry import (
    GiveUp,
    TryAgain,
    after_failure,
    after_interruptions,
    reason_of,
)

# A wake-up cuts the wait short; this is for jobs whose delay ended or whose worker died.
POLL_S = 1.0
RENEW_S = 5.0  # six times within a lease
OUTAGE_WAIT_S = 2.0
LEFT_TOLD_S = 60.0

log = logging.getLogger("lectern.worker")


def unique_worker_name() -> str:
    """Host, process and a random part: two workers never share a lease."""
    return f"{worker_names_of(os.getpid())}{uuid4().hex[:8]}"


def worker_names_of(pid: int) -> str:
    """What the names of all workers begin with that this process on this host was or is."""
    return f"{socket.gethostname()}:{pid}:"


class Worker:
    """Works off the queue, one job at a time.

    Setting `wake` makes an idle worker look at the queue at once. Once `drain` is set it takes no
    more jobs, and ends with the one at hand; once `pipeline.stop` is set it hands that one back.
    `measures` is told how each try ended.
    """

    def __init__(
        self,
        registry: Registry,
        pipeline: Pipeline,
        name: str,
        wake: threading.Event,
        drain: threading.Event,
        *,
        max_attempts: int,
        measures: IngestionMeasures = NOT_MEASURED,
    ) -> None:
        self._registry = registry
        self._pipeline = pipeline
        self._name = name
        self._wake = wake
        self._drain = drain
        self._max_attempts = max_attempts
        self._measures = measures
        self._chunker = chunker_of(pipeline.fingerprint)
        self._idle_told_s = -math.inf

    def run(self) -> None:
        """Return when asked to drain or to stop.

        Raises `IndexSuperseded` when all was embedded anew in another way: started again with the
        same settings, it would refuse.
        """
        with present(self._registry, self._name):
            self._work_off_the_queue()

    def _work_off_the_queue(self) -> None:
        while not (self._drain.is_set() or self._pipeline.stop.is_set()):
            self._wake.clear()
            try:
                lease = self._claim()
                if lease is None:
                    self._tell_what_is_left()
                    self._wake.wait(POLL_S)
                else:
                    with (
                        _done_for(lease),
                        self._pipeline.tracing.job("ingest", lease.traceparent),
                    ):
                        self._work_on(lease)
            except IndexSuperseded:
                raise
            except Unavailable as error:
                # The registry or the index is away, so nothing can be settled: the lease ends by
                # itself, and the job is claimed again.
                log.warning("%s (%s)", error.detail, error.code)
                self._pipeline.stop.wait(OUTAGE_WAIT_S)
            except Exception:
                # The outermost loop: the documents in the queue are not at fault.
                log.exception("the worker failed unexpectedly, and goes on")
                self._pipeline.stop.wait(OUTAGE_WAIT_S)

    def _claim(self) -> Lease | None:
        with self._registry.write() as connection:
            require_current(connection, self._pipeline.fingerprint)
            return claim_next(connection, self._name, chunker=self._chunker)

    def _tell_what_is_left(self) -> None:
        if time.monotonic() - self._idle_told_s < LEFT_TOLD_S:
            return
        self._idle_told_s = time.monotonic()
        with self._registry.read() as connection:
            left = count_left_to_newer(connection, self._chunker)
        if left:
            log.warning(
                "%d documents wait for a worker of a newer version, which cuts their collections"
                " now. To go back to this version for good: lectern reindex --chunks",
                left,
            )

    def _work_on(self, lease: Lease) -> None:
        log.info("ingesting document %s, version %d", lease.document_id, lease.version)
        with self._lease_kept(lease):
            try:
                self._ingest(lease)
            except (StoppingError, LostJobError, DocumentNotFound) as outcome:
                log.info("document %s: %s", lease.document_id, type(outcome).__name__)
                self._hand_back(lease)
            except IndexSuperseded:
                self._hand_back(lease)
                raise
            except LecternError as error:
                log.warning("document %s: %s (%s)", lease.document_id, error.detail, error.code)
                self._settle(lease, error)
            except Exception:
                log.exception("document %s failed unexpectedly", lease.document_id)
                self._settle(lease, LecternError("Ingestion failed for a reason of our own."))
        self._sweep(lease)

    def _ingest(self, lease: Lease) -> None:
        interrupted = after_interruptions(lease.claims)
        if interrupted is not None:
            self._end(lease, interrupted.error, Coverage())
            return
        self._pipeline.run(lease)
        self._measures.attempted("live")
        log.info("document %s, version %d is live", lease.document_id, lease.version)
        with self._registry.write() as connection:
            strike_sweep(connection, lease.document_id, lease.version)

    def _settle(self, lease: Lease, error: LecternError) -> None:
        if self._pipeline.stop.is_set():
            # Whatever failed, it failed while the server was going away.
            self._hand_back(lease)
            return
        decision = after_failure(
            error,
            failures=lease.failures,
            outages=lease.outages,
            max_attempts=self._max_attempts,
            jitter=random.random(),  # noqa: S311  nothing to guess here
        )
        match decision:
            case TryAgain():
                self._retry(lease, decision, error)
            case GiveUp(report):
                self._end(
                    lease, report, Coverage(0, error.pages if isinstance(error, NeedsOcr) else ())
                )

    def _hand_back(self, lease: Lease) -> None:
        with self._registry.write() as connection:
            give_back(connection, lease, failures=lease.failures, outages=lease.outages, delay_s=0)
        self._measures.attempted("handed_back")

    def _retry(self, lease: Lease, again: TryAgain, error: LecternError) -> None:
        with self._registry.write() as connection:
            give_back(
                connection,
                lease,
                failures=again.failures,
                outages=again.outages,
                delay_s=again.delay_s,
                reason=reason_of(error),
            )
        self._measures.attempted("retried", error.code)

    def _end(self, lease: Lease, report: ErrorReport, coverage: Coverage) -> None:
        with self._registry.write() as connection:
            fail_version(connection, lease, error=report, coverage=coverage)
        self._measures.attempted("failed", report.code)

    def _sweep(self, lease: Lease) -> None:
        """Remove what was written of a version that is neither live nor still to be ingested.

        With the lease lost to another worker the version is wanted, and its nodes are left alone.
        The document stays locked while they go (on SQLite, everything): who asks for it again
        waits, so that no other worker's nodes are among them. What we do not come to do, because we
        end or the index is away, the reconciler does (corpus/sweeping.py).
        """
        with self._registry.read() as connection:
            if is_wanted(connection, lease.document_id, lease.version):
                return
        self._pipeline.store.ping()  # nothing is locked while an index that is away is waited for
        with self._registry.write() as connection:
            lock_document(connection, lease.document_id)
            if not is_wanted(connection, lease.document_id, lease.version):
                self._pipeline.remove_nodes(lease)
                strike_sweep(connection, lease.document_id, lease.version)

    def _lease_kept(self, lease: Lease) -> AbstractContextManager[None]:
        def keep(ended: threading.Event) -> None:
            try:
                with self._registry.write() as connection:
                    if not renew(connection, lease):
                        ended.set()
            except Unavailable as error:
                log.warning("the lease could not be renewed: %s", error.detail)

        return repeating(keep, RENEW_S, name="lease", first_after_s=RENEW_S)


def _done_for(lease: Lease) -> AbstractContextManager[None]:
    return work_for(
        request_id=lease.request_id,
        traceparent=lease.traceparent,
        document_id=lease.document_id,
        job_id=lease.job_id,
    )
