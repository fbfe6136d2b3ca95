"""Mending what crashes left, soon after the start and then every hour."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from corpus.deletion import finish_deletions
from corpus.errors import Unavailable
from corpus.index.port import NodeStore
from corpus.original_audit import audit_originals
from corpus.originals.blobs import BlobStore
from corpus.reconciliation import reconcile
from corpus.registry.conversations import drop_empty_conversations, expire_conversations
from corpus.registry.database.engine import Registry
from corpus.registry.strays import drop_jobs_of_nothing, queue_stranded
from corpus.registry.turns import expire_answers, expire_traces, remove_answers_from_nowhere
from corpus.settings import Settings

EVERY_S = 3600.0
STOP_GRACE_S = 10.0
# A deletion takes seconds; one that is older was interrupted.
DELETION_S = 60.0
# A conversation without an answer: the first question failed, or is being answered.
EMPTY = timedelta(days=1)
NAMED = 10  # of a list in the log, at most

log = logging.getLogger("lectern.reconciler")


@contextmanager
def reconciled(
    registry: Registry,
    blobs: BlobStore,
    store: NodeStore,
    wake_worker: Callable[[], None],
    *,
    owns_index: bool,
    settings: Settings,
) -> Iterator[None]:
    """Mend from a thread of its own while the block runs, and give up what is kept long enough.

    The index is compared with the registry only where it `owns_index`.
    """
    stop = threading.Event()
    steps: list[Callable[[], None]] = [
        lambda: _deletions(registry, blobs, store),
        lambda: _rows(registry, wake_worker),
        lambda: _originals(registry, blobs),
        lambda: _expire(registry, settings),
    ]
    if owns_index:
        steps.append(lambda: _index(registry, store, wake_worker))

    def run() -> None:
        while not stop.is_set():
            for step in steps:
                try:
                    step()
                except Unavailable as error:
                    log.warning("not reconciled: %s (%s)", error.detail, error.code)
            stop.wait(EVERY_S)

    thread = threading.Thread(target=run, name="reconciler", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(STOP_GRACE_S)


def _deletions(registry: Registry, blobs: BlobStore, store: NodeStore) -> None:
    if finished := finish_deletions(registry, blobs, store, for_s=DELETION_S):
        log.warning("%d deletions that had been interrupted were ended", finished)


def _rows(registry: Registry, wake_worker: Callable[[], None]) -> None:
    with registry.write() as connection:
        jobs = drop_jobs_of_nothing(connection)
        stranded = queue_stranded(connection)
    if jobs:
        log.warning("%d jobs of versions that do not exist were removed", jobs)
    if stranded:
        log.warning("documents without a job were queued again: %s", stranded[:NAMED])
        wake_worker()


def _originals(registry: Registry, blobs: BlobStore) -> None:
    found = audit_originals(registry, blobs)
    if found.removed:
        log.warning("%d originals of no document were removed", len(found.removed))
    if found.missing:
        log.error(
            "%d originals are missing, for instance %s: upload those files again",
            len(found.missing),
            found.missing[:NAMED],
        )


def _expire(registry: Registry, settings: Settings) -> None:
    with registry.write() as connection:
        remove_answers_from_nowhere(connection)
        # An answer outside of a conversation is kept for its trace.
        traces = timedelta(days=settings.keep_traces_days)
        expire_traces(connection, traces)
        expire_answers(connection, traces)
        if settings.keep_conversations_days:
            unused_for = timedelta(days=settings.keep_conversations_days)
            expire_conversations(connection, unused_for)
        drop_empty_conversations(connection, EMPTY)


def _index(registry: Registry, store: NodeStore, wake_worker: Callable[[], None]) -> None:
    repairs = reconcile(registry, store)
    if repairs:
        log.warning("the index was mended: %s", repairs)
        wake_worker()
