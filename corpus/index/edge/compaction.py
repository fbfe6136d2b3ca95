"""Getting removed text off the disk: the points that are left are copied, and the old files go.

Qdrant Edge only marks points as deleted. Their text stays in its files and in its write-ahead log,
and its own remedy, `optimize`, stops the interpreter for seconds (docs/adr/0008-compaction.md).
"""

from __future__ import annotations

import threading
import time

from corpus.index.edge.shards import EdgeShards, Offset

# From the first removal on; more may be removed meanwhile, and then goes at the same price.
COMPACT_AFTER_S = 600.0


def is_due(shards: EdgeShards, after_s: float = COMPACT_AFTER_S) -> bool:
    """Whether something was removed so long ago that its text has to go now."""
    age_s = shards.removal_age_s()
    return age_s is not None and age_s >= after_s


def compact(shards: EdgeShards, stop: threading.Event) -> bool:
    """Copy and switch; False when it was stopped before, which changes nothing.

    Reads and writes go on meanwhile; on a disk that is not busy, nothing here holds the GIL for
    more than about 50 ms. Takes the time of writing all points, twice, because it rests as long as
    it works: 10 s for 20,000 points.
    Killed at any moment, it leaves the old index or the new one, and the rest goes at the next
    start. Raises `IndexUnavailable`, and leaves the old index, when the copy cannot be made.
    """
    switched = False
    shards.begin_copy()
    try:
        offset: Offset = None
        while True:
            begun_s = time.perf_counter()
            offset = shards.copy_some(offset)
            if offset is None:
                break
            if stop.wait(time.perf_counter() - begun_s):
                return False
        remove_old = shards.switch()
        switched = True
    finally:
        if not switched:
            shards.abandon_copy()
    remove_old()
    return True
