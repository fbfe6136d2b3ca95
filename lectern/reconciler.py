"""Reconciling the index with the registry, soon after the start and then every hour."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from corpus.errors import Unavailable
from corpus.index.port import NodeStore
from corpus.reconciliation import reconcile
from corpus.registry.engine import Registry

EVERY_S = 3600.0
STOP_GRACE_S = 10.0

log = logging.getLogger("lectern.reconciler")


@contextmanager
def reconciled(
    registry: Registry, store: NodeStore, wake_worker: Callable[[], None]
) -> Iterator[None]:
    """Reconcile from a thread of its own while the block runs."""
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            try:
                repairs = reconcile(registry, store)
            except Unavailable as error:
                log.warning("not reconciled: %s (%s)", error.detail, error.code)
            else:
                if repairs:
                    log.warning("the index was mended: %s", repairs)
                    wake_worker()
            stop.wait(EVERY_S)

    thread = threading.Thread(target=run, name="reconciler", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(STOP_GRACE_S)
