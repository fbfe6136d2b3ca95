"""The shard that counts and, while it is compacted, the one that will: every write goes to both.

Measured (qdrant-edge-py 0.9, two cores): every call holds the GIL until it is done, a search of
26,000 points 3 ms. Searches therefore run one after the other, and writes go in small batches.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from qdrant_edge import CountRequest, EdgeShard, Filter, Point, ScrollRequest, UpdateOperation

from corpus.errors import IndexUnavailable
from corpus.index.edge.engine import engine_errors, open_shard
from corpus.index.edge.folders import ShardFolders, sync_tree

# The write-ahead log makes every write survive kill -9 without a flush. Flushing empties the log,
# so that opening need not replay it (0.8 s for 20,000 points); one flush of 4,096 points holds the
# GIL for 60 to 100 ms, which at the speed of embedding is once in a minute or two.
FLUSH_EVERY_POINTS = 4096
# While copying, writes come faster. A flush of 512 to 2,048 points holds the GIL for 20 to 50 ms,
# but on a busy disk any flush takes as long as its syncs do, 200 to 600 ms: so not more often.
FLUSH_COPIED_POINTS = 2048
COPY_POINTS = 16  # 5 ms
DRAIN_POINTS = 64  # 2 ms

Offset = int | UUID | str | None
AnswerT = TypeVar("AnswerT")

log = logging.getLogger("lectern.index")


@dataclass(slots=True)
class _Held:
    shard: EdgeShard
    folder: Path
    readers: int = 0
    unflushed_points: int = 0


class EdgeShards:
    """One index; safe to use from several threads.

    `begin_copy`, `copy_some`, `switch` and `abandon_copy` are for compaction.py, from one thread
    at a time.
    """

    def __init__(self, path: Path, dimension: int) -> None:
        """Open the index, or make it; errors as `open_shard`."""
        self._folders = ShardFolders(path)
        self._dimension = dimension
        folder = self._folders.current()
        is_from_before = self._folders.is_from_before()
        self._current = _Held(open_shard(folder, dimension, holder=_holder(path)), folder)
        self._folders.adopt(holds_removed=is_from_before)
        self._next: _Held | None = None
        self._writing = threading.Lock()
        self._reading = threading.Condition()
        self._closed = False

    @property
    def shard(self) -> EdgeShard:
        """The shard that counts now."""
        return self._current.shard

    def read(self, call: Callable[[EdgeShard], AnswerT]) -> AnswerT:
        """Ask the shard that counts; `IndexUnavailable` when it is closed or fails."""
        with self._used() as shard, engine_errors():
            return call(shard)

    def upsert(self, points: list[Point]) -> None:
        """Write points, all or none; what is written when this returns survives `kill -9`."""
        operation = UpdateOperation.upsert_points(points)
        with self._writing:
            self._refuse_closed()
            with engine_errors():
                self._current.shard.update(operation)
            self._flush_now_and_then(self._current, len(points), FLUSH_EVERY_POINTS)
            if self._next is not None:
                self._update_next(self._next, operation, len(points))

    def remove(self, condition: Filter) -> None:
        """Remove the points that match; as durable as `upsert`."""
        operation = UpdateOperation.delete_points_by_filter(condition)
        with self._writing:
            if not self.read(lambda shard: shard.count(CountRequest(exact=True, filter=condition))):
                return
            self._folders.note_removal(self._current.folder)
            with engine_errors():
                self._current.shard.update(operation)
            if self._next is not None:
                self._folders.note_removal(self._next.folder)
                self._update_next(self._next, operation, 0)

    def removal_age_s(self) -> float | None:
        """Seconds since something was first removed and is still in the files; None: nothing is."""
        return self._folders.removal_age_s(self._current.folder)

    def close(self) -> None:
        """Write everything out and release the folder; closing twice is harmless."""
        with self._writing:
            if self._closed:
                return
            self._closed = True
            self._wait_for_readers(self._current)
            with engine_errors():
                self._current.shard.flush()
                self._current.shard.close()
            self._drop_next()

    def begin_copy(self) -> None:
        """Make an empty shard that from now on receives every write too."""
        folder = self._folders.make_next()
        shard = open_shard(folder, self._dimension)
        with self._writing:
            self._next = _Held(shard, folder)

    def copy_some(self, offset: Offset) -> Offset:
        """Copy the next few points from `offset` on, in the order of ids; where to go on, or None.

        No write comes between reading and writing them, so nothing removed is brought back.
        """
        request = ScrollRequest(
            offset=offset, limit=COPY_POINTS, with_payload=True, with_vector=True
        )
        with self._writing:
            self._refuse_closed()
            records, following = self.read(lambda shard: shard.scroll(request))
            points = [Point(one.id, one.vector or {}, one.payload) for one in records]
            held = self._require_next()
            if points:
                with engine_errors():
                    held.shard.update(UpdateOperation.upsert_points(points))
                self._flush_now_and_then(held, len(points), FLUSH_COPIED_POINTS)
        return following

    def switch(self) -> Callable[[], None]:
        """Make the copy the shard that counts; gives what removes the old one, to be called next.

        `IndexUnavailable`, and nothing changed, when the copy is not complete.
        """
        held = self._require_next()
        with engine_errors():
            held.shard.flush()
        sync_tree(held.folder)  # before writers have to wait
        with self._writing:
            self._refuse_closed()
            held = self._require_next()
            exactly = CountRequest(exact=True)
            if held.shard.count(exactly) != self._current.shard.count(exactly):
                raise IndexUnavailable("The compacted index is not complete.")
            with engine_errors():
                held.shard.flush()
            sync_tree(held.folder)
            self._folders.switch_to(held.folder)
            with self._reading:
                old, self._current, self._next = self._current, held, None
        return lambda: self._remove(old)

    def abandon_copy(self) -> None:
        """Remove a copy that will not be switched to; harmless when there is none."""
        with self._writing:
            self._drop_next()

    @contextmanager
    def _used(self) -> Iterator[EdgeShard]:
        with self._reading:
            self._refuse_closed()
            held = self._current
            held.readers += 1
        try:
            yield held.shard
        finally:
            with self._reading:
                held.readers -= 1
                self._reading.notify_all()

    def _wait_for_readers(self, held: _Held) -> None:
        with self._reading:
            self._reading.wait_for(lambda: held.readers == 0)

    def _remove(self, old: _Held) -> None:
        self._wait_for_readers(old)
        with engine_errors():
            _drain(old.shard)
            old.shard.close()
        self._folders.remove(old.folder)

    def _update_next(self, held: _Held, operation: UpdateOperation, added: int) -> None:
        """Keep the copy in step. If that fails, the write itself has not: the copy is given up."""
        try:
            with engine_errors():
                held.shard.update(operation)
            self._flush_now_and_then(held, added, FLUSH_COPIED_POINTS)
        except IndexUnavailable as error:
            log.warning("compaction is given up: %s", error.detail)
            self._drop_next()

    def _flush_now_and_then(self, held: _Held, added: int, every_points: int) -> None:
        held.unflushed_points += added
        if held.unflushed_points >= every_points:
            with engine_errors():
                held.shard.flush()
            held.unflushed_points = 0

    def _drop_next(self) -> None:
        held, self._next = self._next, None
        if held is not None:
            with engine_errors():
                held.shard.close()
            self._folders.remove(held.folder)

    def _require_next(self) -> _Held:
        if self._next is None:
            raise IndexUnavailable("The copy of the index was given up.")
        return self._next

    def _refuse_closed(self) -> None:
        if self._closed:
            raise IndexUnavailable("The node index is closed.")


def _drain(shard: EdgeShard) -> None:
    """Empty a shard bit by bit: closing a full one would hold the GIL for long, 3 ms a 1,000."""
    drained = 0
    while True:
        records, _ = shard.scroll(ScrollRequest(limit=DRAIN_POINTS, with_payload=False))
        if not records:
            return
        shard.update(UpdateOperation.delete_points([one.id for one in records]))
        drained += len(records)
        if drained % FLUSH_COPIED_POINTS == 0:
            shard.flush()


def _holder(path: Path) -> Path:
    return path.with_name(f"{path.name}.pid")
