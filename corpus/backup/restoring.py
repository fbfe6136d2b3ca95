"""Filling an empty registry, and stores of originals and nodes, from a backup that was verified.

All rows come in one transaction, whose end makes the documents exist: before it, nothing that was
there is touched, and what came in is of no document.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection, Table

from corpus.backup.archive import PIECE_BYTES, Member, members
from corpus.backup.manifest import Manifest
from corpus.backup.parts import (
    ORIGINALS,
    REGISTRY,
    VECTORS,
    is_floats,
    points_in,
    rows_in,
    table_of,
)
from corpus.backup.telling import Tell
from corpus.errors import BackupUnusable
from corpus.index.points import BATCH_POINTS, IndexPoint
from corpus.index.port import NodeStore
from corpus.originals.port import Intake, OriginalStore
from corpus.registry.audit import expected_nodes, ingest_again, live_versions
from corpus.registry.database.engine import Registry
from corpus.registry.dumping import add_rows, continue_counting, make_empty_tables
from corpus.registry.fingerprints import forget_fingerprints
from corpus.registry.installation import become_installation
from corpus.registry.leases import release_all
from corpus.registry.migrations import bring_up_to_date


@dataclass(frozen=True, slots=True)
class Targets:
    """Where everything goes; without a `store`, documents are embedded again.

    The registry becomes the installation of `installation_id`, whichever was backed up.
    """

    registry: Registry
    originals: OriginalStore
    store: NodeStore | None
    installation_id: str


@dataclass(frozen=True, slots=True)
class Restored:
    """`documents` answer, `read_again` of them once a worker has read them again."""

    documents: int
    read_again: int


def restore(path: Path, manifest: Manifest, targets: Targets, tell: Tell) -> Restored:
    """Fill the targets; whatever tables the registry has are replaced.

    Raises `BackupUnusable`, `Misconfigured` for a newer revision of the tables, and the stores'
    errors. Until it returns, the registry is as it was.
    """
    with targets.registry.write() as connection, ExitStack() as opened:
        tables = make_empty_tables(connection, manifest.revision)
        intake = opened.enter_context(targets.originals.receive())
        loading = _Loading(connection, tables, intake, targets.store, tell)
        for member in members(path):
            loading.take(member)
        continue_counting(connection, tables.values())
        bring_up_to_date(connection)
        become_installation(connection, targets.installation_id)
        if targets.store is None:
            forget_fingerprints(connection)
        # Whoever had these jobs is of another life.
        release_all(connection)
        again = _queue_what_lacks_nodes(connection, loading.nodes)
        return Restored(documents=len(live_versions(connection)), read_again=again)


class _Loading:
    """Takes the members of a backup in their order."""

    def __init__(
        self,
        connection: Connection,
        tables: Mapping[str, Table],
        intake: Intake,
        store: NodeStore | None,
        tell: Tell,
    ) -> None:
        self._connection = connection
        self._tables = tables
        self._intake = intake
        self._store = store
        self._tell = tell
        self._described = b""
        self._done: Counter[str] = Counter()
        self.nodes: Counter[str] = Counter()

    def take(self, member: Member) -> None:
        """Put it where it belongs."""
        kind = member.name.partition("/")[0]
        if kind == ORIGINALS:
            self._keep_original(member)
        elif kind == REGISTRY:
            self._add_rows(member)
        elif kind == VECTORS and self._store is not None:
            self._add_points(member, self._store)

    def _keep_original(self, member: Member) -> None:
        if member.size_bytes == 0:
            return  # it was damaged before the backup; no file that was taken in is empty
        incoming = self._intake.new_file(max_bytes=member.size_bytes)
        try:
            while piece := member.content.read(PIECE_BYTES):
                incoming.write(piece)
            # Under the hash of its bytes: one that was damaged before the backup is of no document.
            staged = incoming.finish()
            staged.send_ahead(lambda: None)  # the registry is not there before all is
            staged.keep()
        finally:
            incoming.discard()
        self._count("originals", 1)

    def _add_rows(self, member: Member) -> None:
        table = self._tables.get(table_of(member.name))
        if table is None:
            raise BackupUnusable(f"The backup has rows of an unknown table: {member.name}.")
        count = add_rows(self._connection, table, rows_in(member.whole()))
        self._count("rows of the registry", count)

    def _add_points(self, member: Member, store: NodeStore) -> None:
        if not is_floats(member.name):
            self._described = member.whole()
            return
        points = points_in(self._described, member.whole())
        for batch in _batches(points):
            store.add_points(batch)
        self.nodes.update(str(point.payload["document_id"]) for point in points)
        self._count("passages with their vectors", len(points))

    def _count(self, what: str, more: int) -> None:
        self._done[what] += more
        self._tell(what, self._done[what])


def _batches(points: list[IndexPoint]) -> Iterator[list[IndexPoint]]:
    rest = iter(points)
    while batch := list(islice(rest, BATCH_POINTS)):
        yield batch


def _queue_what_lacks_nodes(connection: Connection, nodes: Mapping[str, int]) -> int:
    """Have live documents read again whose nodes the backup has not, or not all; how many."""
    queued = 0
    for document_id, expected in expected_nodes(connection).items():
        if expected.version is None or expected.count == nodes.get(document_id, 0):
            continue
        queued += ingest_again(connection, document_id, expected.version)
    return queued
