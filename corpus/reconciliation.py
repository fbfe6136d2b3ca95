"""Bringing the index back in line with the registry, after whatever a crash left behind.

Answers do not depend on it: a node that is not live is struck from every result. It removes what
should not be there, and has ingested again what should be there and is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from llama_index.core.vector_stores.types import MetadataFilters

from corpus.index.selections import (
    of_document,
    of_documents,
    of_version,
    of_version_beyond,
    of_versions_up_to,
)
from corpus.registry.audit import Expected, expected_nodes, ingest_again
from corpus.registry.database.engine import Registry
from corpus.registry.locks import lock_document

AT_ONCE = 500


class NodeCounts(Protocol):
    """The part of a node store that comparing needs."""

    def document_counts(self) -> Mapping[str, int]:
        """How many nodes each document has."""
        ...


class NodeAudit(NodeCounts, Protocol):
    """The part of a node store that reconciling needs."""

    def count(self, filters: MetadataFilters | None) -> int:
        """How many nodes match."""
        ...

    def delete_nodes(self, *, filters: MetadataFilters) -> None:
        """Remove what matches."""
        ...


@dataclass(frozen=True, slots=True)
class Repairs:
    """What was mended: ids of documents."""

    orphans_removed: tuple[str, ...] = ()
    leftovers_removed: tuple[str, ...] = ()
    queued_again: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there was anything to mend."""
        return bool(self.orphans_removed or self.leftovers_removed or self.queued_again)


@dataclass(frozen=True, slots=True)
class Differences:
    """Ids of documents: not registered, and with another number of nodes than they should have."""

    unknown: tuple[str, ...]
    differing: tuple[str, ...]


def survey_nodes(registry: Registry, store: NodeCounts) -> Differences:
    """How the index differs from the registry; changes nothing. Errors as `reconcile`.

    Documents with a job are not compared; beside a working server, some may just be changing.
    """
    found = store.document_counts()
    with registry.read() as connection:
        expected = expected_nodes(connection)
    return Differences(
        unknown=tuple(sorted(found.keys() - expected.keys())),
        differing=tuple(
            document_id
            for document_id, nodes in expected.items()
            if not nodes.has_job and found.get(document_id, 0) != nodes.count
        ),
    )


def reconcile(registry: Registry, store: NodeAudit) -> Repairs:
    """Compare the index with the registry and mend both directions.

    Safe beside uploads, deletions and workers: documents with a job are left to their worker, and
    every difference is looked at once more before it is acted on. Raises `IndexUnavailable` or
    `StorageUnavailable`; what was mended until then stays so.
    """
    found = store.document_counts()
    with registry.read() as connection:
        expected = expected_nodes(connection)
    orphans = [document_id for document_id in found if document_id not in expected]
    for document_id in orphans:
        store.delete_nodes(filters=of_document(document_id))
    leftovers: list[str] = []
    queued: list[str] = []
    for document_id, nodes in expected.items():
        if nodes.has_job or found.get(document_id, 0) == nodes.count:
            continue
        # Locked, so that no worker begins with it between the second look and the removal.
        with registry.write() as connection:
            lock_document(connection, document_id)
            now = expected_nodes(connection, document_id).get(document_id)
            if now is None or now.has_job:
                continue
            there = store.count(of_document(document_id))
            if there == now.count:
                continue
            _remove_leftovers(store, document_id, now)
            left = store.count(of_document(document_id))
            if left < there:
                leftovers.append(document_id)
            if (
                now.version is not None
                and left != now.count
                and ingest_again(connection, document_id, now.version)
            ):
                queued.append(document_id)
    return Repairs(tuple(orphans), tuple(leftovers), tuple(queued))


def keep_only(store: NodeAudit, expected: Mapping[str, Expected]) -> None:
    """Remove the nodes of all versions but the live ones of `expected`, and what is beyond those.

    Only while nobody ingests. Raises `IndexUnavailable`; the same call again goes on.
    """
    by_version: dict[int | None, list[str]] = {}
    for document_id in store.document_counts():
        live = expected[document_id].version if document_id in expected else None
        by_version.setdefault(live, []).append(document_id)
    for live, document_ids in by_version.items():
        for start in range(0, len(document_ids), AT_ONCE):
            some = document_ids[start : start + AT_ONCE]
            store.delete_nodes(filters=of_documents(some, but_not=live))
    for document_id, count in store.document_counts().items():
        wanted = expected.get(document_id)
        if wanted is not None and wanted.version is not None and count > wanted.count:
            beyond = of_version_beyond(document_id, wanted.version, wanted.count)
            store.delete_nodes(filters=beyond)


def _remove_leftovers(store: NodeAudit, document_id: str, expected: Expected) -> None:
    """Remove other versions, and all of the live one too where it has nodes too many.

    Versions uploaded since `expected` was read are not touched: their worker may be at work.
    """
    known = of_versions_up_to(document_id, expected.newest, but_not=expected.version)
    store.delete_nodes(filters=known)
    if expected.version is None:
        return
    live = of_version(document_id, expected.version)
    if store.count(live) > expected.count:
        store.delete_nodes(filters=live)
