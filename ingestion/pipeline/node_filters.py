"""Which nodes of the index are meant."""

from __future__ import annotations

from llama_index.core.vector_stores.types import FilterOperator, MetadataFilter, MetadataFilters


def of_version(document_id: str, version: int) -> MetadataFilters:
    """All nodes of one version."""
    return MetadataFilters(
        filters=[
            MetadataFilter(key="document_id", value=document_id),
            MetadataFilter(key="version", value=version),
        ]
    )


def beyond(document_id: str, version: int, chunk_count: int) -> MetadataFilters:
    """Nodes of the version that a try with more chunks left behind."""
    return MetadataFilters(
        filters=[
            MetadataFilter(key="document_id", value=document_id),
            MetadataFilter(key="version", value=version),
            MetadataFilter(key="ordinal", value=chunk_count, operator=FilterOperator.GTE),
        ]
    )


def of_older_versions(document_id: str, version: int) -> MetadataFilters:
    """Nodes of the versions before this one."""
    return MetadataFilters(
        filters=[
            MetadataFilter(key="document_id", value=document_id),
            MetadataFilter(key="version", value=version, operator=FilterOperator.LT),
        ]
    )
