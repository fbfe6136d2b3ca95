"""Which nodes a question may use: by its filters, and by what the registry says right now."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
)

from corpus.access import Reader
from corpus.registry.access import hidden_from, readable_by
from corpus.registry.database.engine import Registry
from corpus.registry.documents import live_versions
from corpus.registry.live_documents import live_documents
from service.retrieval.document_conditions import MAX_LISTED_IDS, parts_of, resolved
from service.retrieval.live_nodes import LiveVersions

# Ids that are looked for first.
FEW = 1_000


@dataclass(frozen=True, slots=True)
class Selection:
    """What to ask an index for, and which document versions to use of what it finds.

    `is_for_few`: some of what an index finds may be hidden from whoever asks.
    """

    filters: MetadataFilters | None
    live_versions: LiveVersions
    is_for_few: bool = False


def select_nodes(
    registry: Registry, collection: str, filters: MetadataFilters | None, reader: Reader
) -> Selection:
    """Resolve what the filters, and the documents' access, ask of documents.

    Blocks: for a scan of the collection's documents where filters ask for metadata, and of those
    with an `acl`. A document whose metadata or access changes afterwards, so that they say
    something else of it, is not live for this question any more: like one that is deleted. Raises
    `InvalidFilter` for more documents than can be listed.
    """
    parts = [] if filters is None else parts_of(filters)
    if parts:
        with registry.read() as connection:
            for document in live_documents(connection, collection, reader):
                for part in parts:
                    part.sort(document)
    asked = filters if filters is None or not parts else resolved(filters, parts)

    def live(document_ids: Collection[str]) -> Mapping[str, int]:
        with registry.read() as connection:
            if not parts:
                return live_versions(connection, document_ids, reader)
            return {
                document.id: document.version
                for document in live_documents(connection, collection, reader, document_ids)
                if all(part.still_holds_as_asked(document) for part in parts)
            }

    hidden = _hidden(registry, collection, reader)
    if hidden is not None:
        both = [hidden] if asked is None else [hidden, asked]
        asked = MetadataFilters(filters=both, condition=FilterCondition.AND)
    return Selection(asked, live, is_for_few=not reader.sees_every_document)


def _hidden(registry: Registry, collection: str, reader: Reader) -> MetadataFilter | None:
    """Keeps what this reader may not read out of a search; None where that need not be.

    It is a sieve: what it lets through, `live_versions` strikes. Where more are hidden than can be
    listed, and more can be read, there is none.
    """
    with registry.read() as connection:
        # The list that is short is found soon, and the other need not be read.
        for limit in (FEW, MAX_LISTED_IDS):
            hidden = hidden_from(connection, collection, reader, limit=limit + 1)
            if not hidden:
                return None
            readable = readable_by(connection, collection, reader, limit=len(hidden))
            how, listed = FilterOperator.NIN, hidden
            if len(readable) < len(hidden):
                how, listed = FilterOperator.IN, readable
            if len(listed) <= limit:
                break
        else:
            return None
    return MetadataFilter(key="document_id", operator=how, value=sorted(listed))
