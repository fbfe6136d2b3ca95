"""Which nodes a question may use: by its filters, and by what the registry says right now."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from llama_index.core.vector_stores.types import MetadataFilters

from corpus.registry.database.engine import Registry
from corpus.registry.documents import live_versions
from corpus.registry.live_documents import live_documents
from service.retrieval.document_conditions import parts_of, resolved
from service.retrieval.live_nodes import LiveVersions


@dataclass(frozen=True, slots=True)
class Selection:
    """What to ask an index for, and which document versions to use of what it finds."""

    filters: MetadataFilters | None
    live_versions: LiveVersions


def select_nodes(registry: Registry, collection: str, filters: MetadataFilters | None) -> Selection:
    """Resolve what the filters ask of documents; blocks for a scan of the collection's, if so.

    A document whose metadata changes afterwards, so that the filters say something else of it, is
    not live for this question any more: like one that is deleted. Raises `InvalidFilter` for more
    documents than can be listed.
    """
    parts = [] if filters is None else parts_of(filters)
    if filters is None or not parts:
        return Selection(filters, _live_versions_of(registry))
    with registry.read() as connection:
        for document in live_documents(connection, collection):
            for part in parts:
                part.sort(document)

    def live(document_ids: Collection[str]) -> Mapping[str, int]:
        with registry.read() as connection:
            return {
                document.id: document.version
                for document in live_documents(connection, collection, document_ids)
                if all(part.still_holds_as_asked(document) for part in parts)
            }

    return Selection(resolved(filters, parts), live)


def _live_versions_of(registry: Registry) -> LiveVersions:
    def live(document_ids: Collection[str]) -> Mapping[str, int]:
        with registry.read() as connection:
            return live_versions(connection, document_ids)

    return live
