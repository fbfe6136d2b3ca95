"""What both processes need of the index beyond LlamaIndex's `BasePydanticVectorStore`."""

from __future__ import annotations

import asyncio
import threading
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar, Protocol

from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryResult,
)

from corpus.index.points import IndexPoint, StoredEmbedding
from corpus.nodes import EMBED_SHA


class Registration(Protocol):
    """What the registry says of an index on a server; both may raise `StorageUnavailable`."""

    def require_current(self) -> None:
        """Raise `IndexSuperseded` when another index is the registry's now."""
        ...

    def others(self) -> Collection[str]:
        """The names of all other indexes that may hold nodes of the registry's documents."""
        ...


class NodeStore(BasePydanticVectorStore):
    """A vector store of nodes that can also count them and be closed.

    Every store: `add` of a node that is there replaces it; `delete_nodes` and `get_nodes` want
    `node_ids`, `filters` or both (both must hold). Filters take EQ, NE, IN, NIN, GT, GTE, LT and
    LTE, nested by AND, OR and NOT; anything else raises `InvalidFilter`. `IndexUnavailable` when
    the engine does not answer. The async methods run the sync ones in a thread.
    """

    stores_text: bool = True
    # In this process alone: other processes write through its gateway (gateway.py).
    is_embedded: ClassVar[bool]
    # On machines of its own, where what was stored may be lost with a shard.
    is_on_server: ClassVar[bool] = False

    def add_points(self, points: Sequence[IndexPoint]) -> None:
        """Store what another process made ready. Errors as `add`."""
        self.add([point.node() for point in points])

    def compact(self, stop: threading.Event) -> bool:  # noqa: ARG002 - for those that need it
        """Rid the disk of what was removed a while ago; True if anything was done.

        For a thread of its own, until `stop` is set. A store that does so by itself does nothing.
        """
        return False

    def ping(self) -> None:
        """Raise `IndexUnavailable` unless the engine answers; soon, also when it is away."""
        self.count()

    @abstractmethod
    def count(self, filters: MetadataFilters | None = None) -> int:
        """How many nodes match, exactly; of all nodes without filters."""

    def count_roughly(self) -> int:
        """About how many nodes there are; soon, however many."""
        return self.count()

    @abstractmethod
    def document_counts(self) -> Mapping[str, int]:
        """How many nodes each document has, exactly, by document id; any order."""

    @abstractmethod
    def delete_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        **delete_kwargs: object,
    ) -> None:
        """Delete the nodes that match; `InvalidFilter` when nothing is asked for (see `clear`)."""

    @abstractmethod
    def get_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        limit: int | None = None,
    ) -> list[BaseNode]:
        """The nodes that match, at most `limit`, in the order of their ids."""

    @abstractmethod
    def stored_embeddings(
        self, node_ids: Sequence[str], *, with_vectors: bool = True
    ) -> Mapping[str, StoredEmbedding]:
        """What is stored of these nodes, by id; those that are not there are missing.

        Ask for few at a time (a vector is 1.5 kB at 384 dimensions).
        """

    def lacking(self, points: Sequence[IndexPoint]) -> list[IndexPoint]:
        """Those of the points that are not here, or here for another text to be embedded."""
        there = self.stored_embeddings([point.id for point in points], with_vectors=False)
        return [
            point
            for point in points
            if point.id not in there
            or there[point.id].embed_sha != str(point.payload.get(EMBED_SHA, ""))
        ]

    @abstractmethod
    def scroll(self, after: str | None, limit: int) -> tuple[list[IndexPoint], str | None]:
        """The next points in the order of their ids, and where to go on; None: that was all.

        `after` is what the call before gave, None at the beginning. What is added or removed
        meanwhile may or may not be seen.
        """

    @abstractmethod
    def close(self) -> None:
        """Give the engine back. Closing twice is harmless; any other call then fails."""

    async def async_add(self, nodes: Sequence[BaseNode], **kwargs: object) -> list[str]:
        """`add` in a thread."""
        return await asyncio.to_thread(self.add, list(nodes), **kwargs)

    async def adelete(self, ref_doc_id: str, **delete_kwargs: object) -> None:
        """`delete` in a thread."""
        await asyncio.to_thread(self.delete, ref_doc_id, **delete_kwargs)

    async def adelete_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        **delete_kwargs: object,
    ) -> None:
        """`delete_nodes` in a thread."""
        await asyncio.to_thread(self.delete_nodes, node_ids, filters, **delete_kwargs)

    async def aget_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        limit: int | None = None,
    ) -> list[BaseNode]:
        """`get_nodes` in a thread."""
        return await asyncio.to_thread(self.get_nodes, node_ids, filters, limit)

    async def aquery(self, query: VectorStoreQuery, **kwargs: object) -> VectorStoreQueryResult:
        """`query` in a thread."""
        return await asyncio.to_thread(self.query, query, **kwargs)

    async def aclear(self) -> None:
        """`clear` in a thread."""
        await asyncio.to_thread(self.clear)


def refuse_unknown(kwargs: Mapping[str, object]) -> None:
    """Raise `TypeError` for arguments that LlamaIndex's open signatures would swallow."""
    if kwargs:
        raise TypeError(f"unknown arguments: {', '.join(sorted(kwargs))}")
