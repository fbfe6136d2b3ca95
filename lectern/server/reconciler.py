"""Mending what crashes left: deletions and what ended jobs left each minute, the rest each hour."""

from __future__ import annotations

import logging
import threading
from contextlib import AbstractContextManager

from corpus.deletion import DELETION_S, finish_deletions
from corpus.embedding.fingerprint import EmbeddingFingerprint
from corpus.errors import IndexUnavailable, StorageUnavailable, Unavailable
from corpus.index.port import NodeStore
from corpus.original_audit import audit_originals
from corpus.originals.port import OriginalStore
from corpus.reconciliation import reconcile
from corpus.registry.access import align_audiences
from corpus.registry.chunkers import rechunk, rechunk_ahead
from corpus.registry.database.engine import Registry
from corpus.registry.leases import release_all
from corpus.registry.strays import drop_jobs_of_nothing, queue_stranded
from corpus.repeating import repeating
from corpus.settings import Settings
from corpus.sweeping import sweep
from lectern.server.expiry import Step, expiring
from lectern.server.old_indexes import clear_expired
from service.parts import ServiceParts

EVERY_S = 3600.0
AGAIN_S = 60.0  # for what could not be done, because something was away
STOP_GRACE_S = 10.0
RECHUNKED_AT_ONCE = 100
NAMED = 10  # of a list in the log, at most

log = logging.getLogger("lectern.reconciler")


def mend_at_start(
    settings: Settings,
    registry: Registry,
    originals: OriginalStore,
    store: NodeStore,
    fingerprint: EmbeddingFingerprint,
) -> None:
    """Mend what must not wait: before it is done, nobody is served. Errors as of the stores.

    What a Qdrant server or a bucket that is away leaves undone is done once it is back
    (`reconciled`).
    """
    originals.clear_staging()
    count, some = 0, RECHUNKED_AT_ONCE
    while some:
        with registry.write() as connection:
            some = rechunk_ahead(connection, fingerprint.chunker_version, at_most=RECHUNKED_AT_ONCE)
        count += some
    with registry.write() as connection:
        count += rechunk(connection, fingerprint.chunker_version)
    if count:
        log.info("%d documents are read again: this version cuts them better", count)
    if settings.database_url is None:
        # The data folder is ours alone, so whoever had these jobs is gone. On Postgres other
        # workers may live; the jobs of dead ones are claimed when their leases end.
        with registry.write() as connection:
            release_all(connection)
    try:
        finish_deletions(registry, originals, store)
    except IndexUnavailable as error:
        if store.is_embedded:
            raise
        log.warning("deletions that were interrupted wait for the index: %s", error.detail)
    except StorageUnavailable as error:
        if settings.blob_url is None:
            raise
        log.warning("deletions that were interrupted wait: %s", error.detail)


def reconciled(parts: ServiceParts, *, again_s: float = AGAIN_S) -> AbstractContextManager[None]:
    """Mend in the background while the block runs, and give up what is kept long enough.

    What was interrupted while something was away is known by the registry, and looked for each
    `again_s` seconds; what has to be compared is compared each hour, and tried again after
    `again_s` where that could not be done. An index is compared with the registry only where it is
    this process's own: on a server each replica would ask for all of it, each hour.
    """

    def mend(stop: threading.Event) -> None:
        hourly = [_rows, _originals, *expiring(parts.settings, stop), _old_indexes]
        if parts.store.is_embedded:
            hourly.append(_index)
        left = hourly
        for _ in range(int(EVERY_S // again_s)):
            left = [
                step
                for step in (_deletions, _sweeps, *left)
                if stop.is_set() or (not _carried_out(step, parts) and step in hourly)
            ]
            if stop.wait(again_s):
                return

    return repeating(mend, 0.0, name="reconciler", grace_s=STOP_GRACE_S)


def _carried_out(step: Step, parts: ServiceParts) -> bool:
    try:
        step(parts)
    except Unavailable as error:
        log.warning("not reconciled: %s (%s)", error.detail, error.code)
        return False
    except Exception:
        log.exception("not reconciled: %s failed unexpectedly", step.__name__)
        return False  # the other steps are none the worse for it
    return True


def _deletions(parts: ServiceParts) -> None:
    finished = finish_deletions(parts.registry, parts.originals, parts.store, for_s=DELETION_S)
    if finished:
        log.warning("%d deletions that had been interrupted were ended", finished)


def _sweeps(parts: ServiceParts) -> None:
    swept = sweep(parts.registry, parts.store)
    if swept:
        log.info("%d versions were looked after whose ingestion had been interrupted", swept)


def _rows(parts: ServiceParts) -> None:
    with parts.registry.write() as connection:
        if mended := align_audiences(connection):
            log.warning("the access of %d documents was changed by an older version", mended)
        jobs = drop_jobs_of_nothing(connection)
        stranded = queue_stranded(connection)
    if jobs:
        log.warning("%d jobs of versions that do not exist were removed", jobs)
    if stranded:
        log.warning("documents without a job were queued again: %s", stranded[:NAMED])
        parts.wake_worker()


def _originals(parts: ServiceParts) -> None:
    found = audit_originals(
        parts.registry, parts.originals, unknown_too=parts.settings.originals_are_ours
    )
    if found.removed:
        log.warning("%d originals of no document were removed", len(found.removed))
    if found.unknown:
        log.warning(
            "%d originals are of no document that this registry knows, for instance %s; they stay: "
            "see lectern doctor",
            len(found.unknown),
            found.unknown[:NAMED],
        )
    if found.missing:
        log.error(
            "%d originals are missing, for instance %s: upload those files again",
            len(found.missing),
            found.missing[:NAMED],
        )


def _old_indexes(parts: ServiceParts) -> None:
    if cleared := clear_expired(parts.settings, parts.registry):
        log.info("indexes that a reindex left or nobody finished were cleared away: %s", cleared)


def _index(parts: ServiceParts) -> None:
    repairs = reconcile(parts.registry, parts.store)
    if repairs:
        log.warning("the index was mended: %s", repairs)
        parts.wake_worker()
