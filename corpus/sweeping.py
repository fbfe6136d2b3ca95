"""Removing from the index what ended jobs left there, on whatever server it is.

It asks for the versions that the registry noted, not for all that the index holds: so it costs what
was interrupted.
"""

from __future__ import annotations

from typing import Protocol

from llama_index.core.vector_stores.types import MetadataFilters

from corpus.index.selections import of_version, of_versions_before
from corpus.registry.database.engine import Registry
from corpus.registry.locks import lock_document
from corpus.registry.sweeps import due_sweeps, live_version, strike_sweep
from corpus.registry.versions import is_wanted

AT_ONCE = 500


class NodeRemover(Protocol):
    """The part of a node store that sweeping needs."""

    def ping(self) -> None:
        """Raise `IndexUnavailable` unless the engine answers; soon, also when it is away."""
        ...

    def delete_nodes(self, *, filters: MetadataFilters) -> None:
        """Remove what matches."""
        ...


def sweep(registry: Registry, store: NodeRemover) -> int:
    """Look after all that is due; how many versions. Errors as of the stores, the rest stays due.

    Safe beside workers: a version with a job is wanted, and a document stays locked meanwhile.
    """
    count = 0
    while True:
        with registry.read() as connection:
            due = due_sweeps(connection, limit=AT_ONCE)
        for document_id, version in due:
            _sweep_one(registry, store, document_id, version)
        count += len(due)
        if len(due) < AT_ONCE:
            return count


def _sweep_one(registry: Registry, store: NodeRemover, document_id: str, version: int) -> None:
    # Before the document, and all of SQLite, is locked: who waits for an index locks nothing.
    store.ping()
    with registry.write() as connection:
        lock_document(connection, document_id)
        if not is_wanted(connection, document_id, version):
            store.delete_nodes(filters=of_version(document_id, version))
        elif live_version(connection, document_id) == version:
            store.delete_nodes(filters=of_versions_before(document_id, version))
        strike_sweep(connection, document_id, version)
