"""The registry has the last word: only nodes of live document versions are used."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index.core.vector_stores.types import (
    FilterCondition,
    MetadataFilter,
    MetadataFilters,
)


class LiveVersions(Protocol):
    """Which version of each document answers now; called from a worker thread on the async path."""

    def __call__(self, document_ids: Collection[str], /) -> Mapping[str, int]:
        """Map document id to live version (from 1); an id that is missing is deleted or unknown."""
        ...


@dataclass(frozen=True, slots=True)
class DeadNodes:
    """The (document id, version) pairs that were found and are not live, of `node_count` nodes."""

    versions: frozenset[tuple[str, int]]
    node_count: int

    def others_only(self) -> MetadataFilters:
        """Matches every node but those of these versions; there must be at least one."""
        each = [
            MetadataFilters(
                filters=[
                    MetadataFilter(key="document_id", value=document_id),
                    MetadataFilter(key="version", value=version),
                ],
                condition=FilterCondition.AND,
            )
            for document_id, version in sorted(self.versions)
        ]
        any_of_them = MetadataFilters(filters=[*each], condition=FilterCondition.OR)
        return MetadataFilters(filters=[any_of_them], condition=FilterCondition.NOT)


def find_dead(nodes: Sequence[NodeWithScore], live_versions: LiveVersions) -> DeadNodes:
    """Which of the nodes the registry would strike."""
    live = _live_among(nodes, live_versions)
    dead = [found.node.metadata for found in nodes if not _is_live(found, live)]
    return DeadNodes(
        frozenset((metadata["document_id"], metadata["version"]) for metadata in dead), len(dead)
    )


class LiveNodesOnly(BaseNodePostprocessor):
    """Keep the nodes whose document and version are live, in order.

    What the index still holds of deleted documents and of old or unfinished versions is dropped,
    and so is a node that does not say where it comes from.
    """

    _live_versions: LiveVersions = PrivateAttr()

    def __init__(self, live_versions: LiveVersions) -> None:
        super().__init__()
        self._live_versions = live_versions

    @classmethod
    def class_name(cls) -> str:
        """Name by which LlamaIndex shows this step."""
        return "LiveNodesOnly"

    def _postprocess_nodes(
        self,
        nodes: list[NodeWithScore],
        query_bundle: QueryBundle | None = None,  # noqa: ARG002 - LlamaIndex passes it by name
    ) -> list[NodeWithScore]:
        if not nodes:
            return []
        live = _live_among(nodes, self._live_versions)
        return [found for found in nodes if _is_live(found, live)]


def _live_among(nodes: Sequence[NodeWithScore], live_versions: LiveVersions) -> Mapping[str, int]:
    documents = {found.node.metadata.get("document_id") for found in nodes}
    return live_versions({name for name in documents if isinstance(name, str)})


def _is_live(found: NodeWithScore, live: Mapping[str, int]) -> bool:
    version = live.get(found.node.metadata.get("document_id", ""))
    return version is not None and version == found.node.metadata.get("version")
