"""Taking deleted text off the disk, in the background: from the index, and from SQLite's log."""

from __future__ import annotations

import logging
import threading
from contextlib import AbstractContextManager

from corpus.errors import Unavailable
from corpus.index.port import NodeStore
from corpus.registry.database.engine import Registry
from corpus.repeating import repeating

# How soon after it is due; the index itself waits ten minutes for more (COMPACT_AFTER_S).
LOOK_EVERY_S = 60.0
STOP_GRACE_S = 10.0

log = logging.getLogger("lectern.cleaner")


def disk_kept_clean(registry: Registry, store: NodeStore) -> AbstractContextManager[None]:
    """Clean in the background while the block runs, first at once."""

    def clean_what_is_due(stop: threading.Event) -> None:
        try:
            clean(registry, store, stop)
        except (Unavailable, OSError) as error:
            # No space, for instance: the copy was removed, and the old files are as they were.
            log.warning("deleted text is still on the disk: %s", error)

    return repeating(clean_what_is_due, LOOK_EVERY_S, name="cleaner", grace_s=STOP_GRACE_S)


def clean(registry: Registry, store: NodeStore, stop: threading.Event) -> None:
    """Clean what is due now. Raises `IndexUnavailable`, `StorageUnavailable` or `OSError`.

    A database cleans its own disk, and so does a Qdrant server, in its time (docs/production.md).
    """
    if not registry.truncate_log():
        log.debug("the registry's log is in use")
    if store.compact(stop):
        log.info("the index was compacted: what was removed from it is no longer on the disk")
