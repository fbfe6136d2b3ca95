"""Taking deleted text off the disk, in the background: from the index, and from SQLite's log."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from corpus.errors import Unavailable
from corpus.index.port import NodeStore
from corpus.registry.database.engine import Registry

# How soon after it is due; the index itself waits ten minutes for more (COMPACT_AFTER_S).
LOOK_EVERY_S = 60.0
STOP_GRACE_S = 10.0

log = logging.getLogger("lectern.cleaner")


@contextmanager
def disk_kept_clean(registry: Registry, store: NodeStore) -> Iterator[None]:
    """Clean from a thread of its own while the block runs, first at once."""
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            try:
                clean(registry, store, stop)
            except (Unavailable, OSError) as error:
                # No space, for instance: the copy was removed, and the old files are as they were.
                log.warning("deleted text is still on the disk: %s", error)
            stop.wait(LOOK_EVERY_S)

    thread = threading.Thread(target=run, name="cleaner", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(STOP_GRACE_S)


def clean(registry: Registry, store: NodeStore, stop: threading.Event) -> None:
    """Clean what is due now. Raises `IndexUnavailable`, `StorageUnavailable` or `OSError`.

    A database or Qdrant server cleans its own disk.
    """
    if not registry.truncate_log():
        log.debug("the registry's log is in use")
    if store.compact(stop):
        log.info("the index was compacted: what was removed from it is no longer on the disk")
