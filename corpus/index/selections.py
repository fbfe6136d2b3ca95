"""Which nodes of the index are meant, as filters. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from llama_index.core.vector_stores.types import FilterOperator, MetadataFilter, MetadataFilters


def of_document(document_id: str) -> MetadataFilters:
    """All nodes of a document."""
    return _of(document_id)


def of_version(document_id: str, version: int) -> MetadataFilters:
    """All nodes of one version."""
    return _of(document_id, MetadataFilter(key="version", value=version))


def of_versions_before(document_id: str, version: int) -> MetadataFilters:
    """Nodes of the versions before this one."""
    return _of(document_id, _version(FilterOperator.LT, version))


def of_versions_up_to(
    document_id: str, version: int, *, but_not: int | None = None
) -> MetadataFilters:
    """Nodes of this version and those before it, without those of version `but_not`."""
    wanted = [_version(FilterOperator.LTE, version)]
    if but_not is not None:
        wanted.append(_version(FilterOperator.NE, but_not))
    return _of(document_id, *wanted)


def of_documents(document_ids: Sequence[str], *, but_not: int | None = None) -> MetadataFilters:
    """Nodes of any of these documents, without those of version `but_not`."""
    wanted = [
        MetadataFilter(key="document_id", value=list(document_ids), operator=FilterOperator.IN)
    ]
    if but_not is not None:
        wanted.append(_version(FilterOperator.NE, but_not))
    return MetadataFilters(filters=[*wanted])


def of_version_beyond(document_id: str, version: int, chunk_count: int) -> MetadataFilters:
    """Nodes of the version that a try with more chunks left behind."""
    return _of(
        document_id,
        MetadataFilter(key="version", value=version),
        MetadataFilter(key="ordinal", value=chunk_count, operator=FilterOperator.GTE),
    )


def _version(how: FilterOperator, version: int) -> MetadataFilter:
    return MetadataFilter(key="version", value=version, operator=how)


def _of(document_id: str, *more: MetadataFilter) -> MetadataFilters:
    return MetadataFilters(filters=[MetadataFilter(key="document_id", value=document_id), *more])
