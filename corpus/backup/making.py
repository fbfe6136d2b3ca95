"""Making a backup beside whatever goes on: originals, then the registry, then vectors.

The registry is read in one snapshot, and what else is in the backup is all that it needs: originals
are never changed, so those copied before are good; a document that was deleted before its original
could be copied makes the snapshot be taken anew. Vectors that left the index since the snapshot are
missing, and are made again after a restore.

An original that cannot be read is named, and keeps none of the others out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Protocol

from sqlalchemy import Connection

from corpus.backup.archive import ArchiveWriter
from corpus.backup.manifest import Manifest
from corpus.backup.originals import OriginalsCopied
from corpus.backup.parts import POINTS, encoded_points, in_parts, points_names, rows_name
from corpus.backup.telling import Tell
from corpus.errors import StorageUnavailable
from corpus.index.points import IndexPoint
from corpus.originals.port import OriginalStore
from corpus.registry.audit import live_versions
from corpus.registry.database.engine import Registry
from corpus.registry.dumping import kept_tables, require_revision, rows_of, take_your_time
from corpus.registry.fingerprints import stored_fingerprint
from corpus.registry.strays import referenced_contents

# One round, and one more for each deletion that comes between a snapshot and the copy of what was
# uploaded since the last: milliseconds.
ROUNDS = 10
CONTENTS_AT_ONCE = 500
SCROLL_POINTS = 32  # 4 ms in which the index's owner answers nobody else


class Points(Protocol):
    """The part of a node store that a backup needs."""

    def scroll(self, after: str | None, limit: int) -> tuple[list[IndexPoint], str | None]:
        """See `NodeStore`."""
        ...


@dataclass(frozen=True, slots=True)
class Sources:
    """What is backed up; `points` opens the index that holds such vectors, None: without them."""

    registry: Registry
    originals: OriginalStore
    points: Callable[[Mapping[str, Any]], Points] | None


@dataclass(frozen=True, slots=True)
class _Snapshot:
    revision: str
    fingerprint: Mapping[str, Any] | None
    live: Mapping[str, int]
    rows: Mapping[str, int]


def back_up(sources: Sources, archive: ArchiveWriter, tell: Tell) -> Manifest:
    """Write everything to `archive`, and finish it.

    Raises `StorageUnavailable` or `IndexUnavailable`, `Misconfigured` without a registry, and what
    writing the archive does.
    """
    originals = OriginalsCopied(sources.registry, sources.originals, archive, tell)
    with sources.registry.read() as connection:
        require_revision(connection)
    # What takes long is done outside of the snapshot, which a database must hold.
    originals.copy(_page_by_page(sources.registry), is_retried=True)
    snapshot = _registry(sources, archive, originals, tell)
    points = 0
    if sources.points is not None and snapshot.fingerprint is not None:
        points = _points(sources.points(snapshot.fingerprint), snapshot.live, archive, tell)
    return archive.finish(
        Manifest(
            lectern=version("lectern"),
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            revision=snapshot.revision,
            fingerprint=snapshot.fingerprint,
            has_vectors=sources.points is not None,
            rows=snapshot.rows,
            originals=len(originals.copied),
            original_bytes=originals.size_bytes,
            points=points,
            size_bytes=archive.size_bytes,
            unreadable=tuple(originals.unreadable),
            checksums_sha256="",
        )
    )


def _registry(
    sources: Sources, archive: ArchiveWriter, originals: OriginalsCopied, tell: Tell
) -> _Snapshot:
    for _ in range(ROUNDS):
        with sources.registry.read() as connection:
            take_your_time(connection)
            if originals.copy(_in_snapshot(connection)):
                return _Snapshot(
                    revision=require_revision(connection),
                    fingerprint=stored_fingerprint(connection),
                    live=live_versions(connection),
                    rows=_rows(connection, archive, tell),
                )
    raise StorageUnavailable(
        "Documents keep being deleted while they are copied.", hint="Try again in a moment."
    )


def _rows(connection: Connection, archive: ArchiveWriter, tell: Tell) -> dict[str, int]:
    counts = {}
    for table in kept_tables(connection):
        counts[table.name] = 0
        for part, (count, data) in enumerate(in_parts(rows_of(connection, table)), start=1):
            archive.add(rows_name(table.name, part), data)
            counts[table.name] += count
            tell("rows of the registry", sum(counts.values()))
    return counts


def _points(points: Points, live: Mapping[str, int], archive: ArchiveWriter, tell: Tell) -> int:
    """The points of live versions; others would only be struck again."""
    waiting: list[IndexPoint] = []
    total, part, after = 0, 0, None
    while True:
        found, after = points.scroll(after, SCROLL_POINTS)
        waiting += [point for point in found if _is_live(point, live)]
        if waiting and (len(waiting) >= POINTS or after is None):
            part += 1
            described, floats = points_names(part)
            for name, data in zip((described, floats), encoded_points(waiting), strict=True):
                archive.add(name, data)
            total += len(waiting)
            waiting = []
            tell("passages with their vectors", total)
        if after is None:
            return total


def _is_live(point: IndexPoint, live: Mapping[str, int]) -> bool:
    document_id = str(point.payload.get("document_id"))
    return live.get(document_id) == point.payload.get("version")


def _page_by_page(registry: Registry) -> Iterator[str]:
    last = ""
    while True:
        with registry.read() as connection:
            found = referenced_contents(connection, after=last, limit=CONTENTS_AT_ONCE)
        yield from found
        if len(found) < CONTENTS_AT_ONCE:
            return
        last = found[-1]


def _in_snapshot(connection: Connection) -> Iterator[str]:
    last = ""
    while found := referenced_contents(connection, after=last, limit=CONTENTS_AT_ONCE):
        yield from found
        last = found[-1]
