"""The node index on a Qdrant server: LlamaIndex's vector store interface over its REST API."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, TypeVar

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import (
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryResult,
)
from qdrant_client import QdrantClient
from qdrant_client.http.models import (
    Filter,
    FilterSelector,
    QueryResponse,
    Record,
    UpdateResult,
)

from corpus.errors import IndexUnavailable, InvalidFilter, StoreOfAnother
from corpus.index.bm25 import Bm25Encoder
from corpus.index.fusion import (
    FusedResult,
    ScoreFusion,
    SearchPlan,
    fuse,
    half_scores,
    plan_search,
)
from corpus.index.layout import DENSE_VECTOR, DOCUMENT_FIELD, MAX_DOCUMENTS
from corpus.index.points import (
    IndexPoint,
    StoredEmbedding,
    check_embeddings,
    check_length,
    to_points,
)
from corpus.index.port import NodeStore, Registration, refuse_unknown
from corpus.index.server.collection import (
    PLAIN,
    PREFIX,
    CollectionLayout,
    check_dimension,
    delete_points,
    ensure_collection,
    find_collection,
    owner_of,
)
from corpus.index.server.connection import (
    PROBE,
    ServerAddress,
    connect,
    require_carried_out,
    server_errors,
)
from corpus.index.server.filters import server_filter
from corpus.index.server.mark import CollectionMark
from corpus.index.server.points import index_point_of, node_of, server_point, stored_embedding_of
from corpus.index.server.query import server_requests
from corpus.nodes import EMBED_SHA
from corpus.ownership import Installation, Ownership
from corpus.pinging import BoundedPing

SCROLL_POINTS = 1024
BATCH_POINTS = 64
# The server counts the nodes of each by itself, within the time that one answer may take.
COUNTED_DOCUMENTS = 500
_FLOAT32_BYTES = 4

AnswerT = TypeVar("AnswerT")


class ServerVectorStore(NodeStore):
    """A `NodeStore` in one collection of a Qdrant server; safe to use from several threads.

    Making it asks nothing of the server. The first call that gets through makes the collection if
    it is missing, so a server that is away at the start may come later; until then, and whenever it
    is away, calls raise `IndexUnavailable`. Stock LlamaIndex can open the same collection with
    `QdrantVectorStore(enable_hybrid=True)`.

    The collection is the `installation`'s, and marked so where it is nobody's; another's raises
    `StoreOfAnother` at every call. Without one it is only read: what would change it raises that.
    """

    is_embedded: ClassVar[bool] = False

    _client: QdrantClient = PrivateAttr()
    _probe: QdrantClient = PrivateAttr()
    _name: str = PrivateAttr()
    _dimension: int = PrivateAttr()
    _layout: CollectionLayout = PrivateAttr()
    _fusion: ScoreFusion = PrivateAttr()
    _encoder: Bm25Encoder = PrivateAttr()
    _registration: Registration | None = PrivateAttr()
    _ask_registry: BoundedPing | None = PrivateAttr(default=None)
    _is_prepared: bool = PrivateAttr(default=False)
    _read_s: int = PrivateAttr()
    _installation: Installation | None = PrivateAttr()
    _ownership: Ownership = PrivateAttr()

    def __init__(
        self,
        address: ServerAddress,
        collection_name: str,
        dimension: int,
        installation: Installation | None = None,
        *,
        layout: CollectionLayout = PLAIN,
        fusion: ScoreFusion | None = None,
        registration: Registration | None = None,
    ) -> None:
        super().__init__(stores_text=True)
        self._client = connect(address)
        self._probe = connect(replace(address, limits=PROBE))
        self._name = collection_name
        self._dimension = dimension
        self._layout = layout
        self._fusion = fusion if fusion is not None else ScoreFusion()
        self._encoder = Bm25Encoder()
        self._installation = installation
        self._ownership = Ownership(CollectionMark(self._client, collection_name), installation)
        self._registration = registration
        if registration is not None:
            self._ask_registry = BoundedPing(registration.require_current, name="The registry")
        # Told to the server too, so that it stops searching for who has given up.
        self._read_s = math.ceil(address.limits.read_s)

    @classmethod
    def class_name(cls) -> str:
        """Name for LlamaIndex's serialisation."""
        return "ServerVectorStore"

    @property
    def client(self) -> QdrantClient:
        """The client itself."""
        return self._client

    @property
    def name(self) -> str:
        """The collection's name on the server."""
        return self._name

    def prepare(self) -> None:
        """Make the collection if it is missing, and ours if it is nobody's.

        Without an installation it must be there. Raises `IndexUnavailable`, `EmbeddingMismatch` for
        a collection of other vectors, `StoreOfAnother`, and `Misconfigured` for a server that does
        not keep whose it is.
        """
        if self._installation is None:
            self._require_collection()
        else:
            self._make(self._installation, self._ownership.require)
            self._ownership.require()
        self._is_prepared = True

    def exists(self) -> bool:
        """Whether there is the collection; makes nothing."""
        with server_errors():
            return find_collection(self._client, self._name) is not None

    def anothers(self) -> StoreOfAnother | None:
        """What `prepare` would raise of whose the collection is; makes and marks nothing."""
        return self._ownership.anothers() if self.exists() else None

    def take_over(self) -> str | None:
        """Make the collection ours, whoever's it was, which this gives. Errors as `prepare`."""
        if self._installation is not None:
            self._make(self._installation, lambda: None)
        before = self._ownership.take_over()
        self._is_prepared = True
        return before

    def ping(self) -> None:
        """Raise `IndexUnavailable` unless the server answers for the collection, within 2 s.

        `StoreOfAnother` when it is not ours any longer. With a registration, also
        `IndexSuperseded`, and what else comes of asking it.
        """
        if self._is_prepared:
            with server_errors():
                info = self._probe.get_collection(self._name)
            if self._installation is not None:
                self._ownership.heard(owner_of(info))
        else:
            with server_errors():
                self._probe.info()
            self.prepare()
        if self._ask_registry is not None:
            self._ask_registry()

    def add(self, nodes: Sequence[BaseNode], **kwargs: object) -> list[str]:
        """Store nodes with their embeddings; gives their ids in order, once the server has them."""
        refuse_unknown(kwargs)
        check_embeddings(nodes, self._dimension)
        for start in range(0, len(nodes), BATCH_POINTS):
            self.add_points(to_points(nodes[start : start + BATCH_POINTS], self._encoder))
        return [node.node_id for node in nodes]

    def add_points(self, points: Sequence[IndexPoint]) -> None:
        """Store points in one request."""
        for point in points:
            check_length(len(point.dense) // _FLOAT32_BYTES, self._dimension)
        if points:
            taken = [server_point(point) for point in points]
            self._change(lambda client: client.upsert(self._name, taken, wait=True))

    def delete(self, ref_doc_id: str, **delete_kwargs: object) -> None:
        """Delete every node of a document."""
        refuse_unknown(delete_kwargs)
        self._delete_where(server_filter(document_ids=[ref_doc_id]))

    def delete_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        **delete_kwargs: object,
    ) -> None:
        """Delete the nodes that match; `InvalidFilter` when nothing is asked for (see `clear`)."""
        refuse_unknown(delete_kwargs)
        self._delete_where(server_filter(filters, node_ids=node_ids))

    def clear(self) -> None:
        """Delete every node; the collection stays."""
        self._delete_where(Filter())

    def count(self, filters: MetadataFilters | None = None) -> int:
        """How many nodes match, exactly."""
        condition = server_filter(filters)
        answer = self._ask(
            lambda client: client.count(
                self._name, count_filter=condition, exact=True, timeout=self._read_s
            )
        )
        return answer.count

    def count_roughly(self) -> int:
        """What its segments hold; points that are being moved may count twice."""
        return self._ask(
            lambda client: client.count(self._name, exact=False, timeout=self._read_s)
        ).count

    def document_counts(self) -> Mapping[str, int]:
        """How many nodes each document has, exactly, by document id; any order."""
        counts: dict[str, int] = {}
        seen = self._documents_seen()
        for start in range(0, len(seen), COUNTED_DOCUMENTS):
            some = seen[start : start + COUNTED_DOCUMENTS]
            counts.update(self._facet(len(some), server_filter(document_ids=some)))
        # The engine may tell of documents whose nodes were all removed, with 0.
        return {document_id: count for document_id, count in counts.items() if count}

    def _documents_seen(self) -> list[str]:
        """Whose nodes there are, and maybe of some more: exactly takes too long for them all."""
        return list(self._facet(MAX_DOCUMENTS, None, exact=False))

    def _facet(self, limit: int, of: Filter | None, *, exact: bool = True) -> dict[str, int]:
        found = self._ask(
            lambda client: client.facet(
                self._name, DOCUMENT_FIELD, of, limit=limit, exact=exact, timeout=self._read_s
            )
        )
        return {str(hit.value): hit.count for hit in found.hits}

    def get_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        limit: int | None = None,
    ) -> list[BaseNode]:
        """The nodes that match, at most `limit`, in the order of their ids."""
        condition = server_filter(filters, node_ids=node_ids)
        found: list[Record] = []
        offset = None
        while limit is None or len(found) < limit:
            wanted = SCROLL_POINTS if limit is None else min(limit - len(found), SCROLL_POINTS)
            records, offset = self._ask(
                lambda client, at=offset, size=wanted: client.scroll(  # type: ignore[misc]
                    self._name, condition, limit=size, offset=at, timeout=self._read_s
                )
            )
            found += records
            if offset is None:
                break
        return [node_of(record) for record in found]

    def node_ids(self) -> Iterator[list[str]]:
        """The ids of all nodes, page by page."""
        offset = None
        while True:
            records, offset = self._ask(
                lambda client, at=offset: client.scroll(  # type: ignore[misc]
                    self._name, limit=SCROLL_POINTS, offset=at, with_payload=False
                )
            )
            yield [str(record.id) for record in records]
            if offset is None:
                return

    def stored_embeddings(
        self, node_ids: Sequence[str], *, with_vectors: bool = True
    ) -> Mapping[str, StoredEmbedding]:
        """What is stored of these nodes, by id; those that are not there are missing."""
        found = self._records(
            node_ids, [EMBED_SHA], vectors=[DENSE_VECTOR] if with_vectors else False
        )
        return {str(record.id): stored_embedding_of(record) for record in found}

    def scroll(self, after: str | None, limit: int) -> tuple[list[IndexPoint], str | None]:
        """The next points in the order of their ids, and where to go on; None: that was all."""
        records, following = self._ask(
            lambda client: client.scroll(
                self._name, limit=limit, offset=after, with_vectors=True, timeout=self._read_s
            )
        )
        return [index_point_of(one) for one in records], None if following is None else str(
            following
        )

    def query(self, query: VectorStoreQuery, **kwargs: object) -> VectorStoreQueryResult:
        """Search, best first; see `EdgeVectorStore.query`, which this equals."""
        with_embedding = bool(kwargs.pop("with_embedding", False))
        refuse_unknown(kwargs)
        plan = plan_search(query, self._encoder, self._fusion)
        if not plan.halves:
            return VectorStoreQueryResult(nodes=[], similarities=[], ids=[])
        requests = server_requests(
            plan, query, self._layout.search_params(), with_embedding=with_embedding
        )
        found: list[QueryResponse] = self._ask(
            lambda client: client.query_batch_points(self._name, requests, timeout=self._read_s)
        )
        if self._registration is not None:
            # Afterwards: one that was left is emptied, and would be found to hold nothing.
            self._registration.require_current()
        if plan.is_hybrid:
            scores = [{str(hit.id): hit.score for hit in half.points} for half in found]
            return self._fused(plan, scores, with_embedding=with_embedding)
        hits = found[0].points
        return VectorStoreQueryResult(
            nodes=[node_of(hit) for hit in hits],
            similarities=[hit.score for hit in hits],
            ids=[str(hit.id) for hit in hits],
        )

    def _fused(
        self, plan: SearchPlan, scores: Sequence[Mapping[str, float]], *, with_embedding: bool
    ) -> VectorStoreQueryResult:
        best = dict(fuse(plan, scores))
        vectors = [DENSE_VECTOR] if with_embedding else False
        records = self._records(list(best), payload=True, vectors=vectors)
        # A node may be deleted between the two requests.
        there = {str(record.id): record for record in records}
        ids = [hit for hit in best if hit in there]
        return FusedResult(
            nodes=[node_of(there[hit]) for hit in ids],
            similarities=[best[hit] for hit in ids],
            ids=ids,
            halves=half_scores(plan, scores, ids),
        )

    def close(self) -> None:
        """Close the connections; closing twice is harmless."""
        self._client.close()
        self._probe.close()

    def _records(
        self, node_ids: Sequence[str], payload: bool | list[str], vectors: bool | list[str]
    ) -> list[Record]:
        return self._ask(
            lambda client: client.retrieve(
                self._name,
                list(node_ids),
                with_payload=payload,
                with_vectors=vectors,
                timeout=self._read_s,
            )
        )

    def _delete_where(self, condition: Filter | None) -> None:
        if condition is None:
            raise InvalidFilter("Say which nodes to delete.")
        selector = FilterSelector(filter=condition)
        self._change(lambda client: client.delete(self._name, selector, wait=True))
        if self._registration is not None and self._installation is not None:
            owner = self._installation.id
            for other in self._registration.others():
                with server_errors():
                    delete_points(self._client, f"{PREFIX}{other}", selector, owner=owner)

    def _make(self, installation: Installation, require_ours: Callable[[], None]) -> None:
        # Without a lock: several at once are harmless, and behind one that waits all would wait.
        with server_errors():
            ensure_collection(
                self._client,
                self._name,
                self._dimension,
                self._layout,
                installation.id,
                require_ours,
            )

    def _require_collection(self) -> None:
        with server_errors():
            info = find_collection(self._client, self._name)
        if info is None:
            raise IndexUnavailable(
                f"There is no collection {self._name} on the Qdrant server.",
                hint="A server or worker makes it; of one that was lost, restore a snapshot.",
            )
        check_dimension(self._dimension, info)

    def _change(self, call: Callable[[QdrantClient], UpdateResult]) -> None:
        if not self._is_prepared:
            self.prepare()
        self._ownership.require()
        require_carried_out(self._ask(call))

    def _ask(self, call: Callable[[QdrantClient], AnswerT]) -> AnswerT:
        if not self._is_prepared:
            self.prepare()
        with server_errors():
            return call(self._client)
