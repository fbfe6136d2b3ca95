"""The index from another process: its owner serves it over a pipe, a worker writes.

The worker does what can be done there (payload, BM25, JSON), because while the owner handles a
message it answers nobody else.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any, ClassVar

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import (
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryResult,
)

from corpus.errors import IndexUnavailable, LecternError
from corpus.index.bm25 import Bm25Encoder
from corpus.index.points import BATCH_POINTS, IndexPoint, StoredEmbedding, to_points
from corpus.index.port import NodeStore, refuse_unknown
from corpus.index.wire import (
    Message,
    decode,
    decode_filters,
    decode_points,
    decode_stored,
    encode,
    encode_error,
    encode_filters,
    encode_page,
    encode_points,
    encode_stored,
    value_or_raise,
)

_READING = frozenset({"scroll", "count", "document_counts", "stored_embeddings"})
# Of a reply to who only reads: while it is put together, the owner answers nobody else.
MOST_POINTS = 256

logger = logging.getLogger(__name__)


def serve_index(store: NodeStore, connection: Connection, *, to_read_only: bool = False) -> None:
    """Answer requests one by one until the other side goes away; run it in a thread.

    An error of the store is the reply, not the end. Closes the connection. `to_read_only`: whoever
    is there may look at all, a bounded number of points at a time.
    """
    with connection:
        while True:
            try:
                request = connection.recv_bytes()
                connection.send_bytes(_answer(store, request, to_read_only=to_read_only))
            except (EOFError, OSError):
                return


def _answer(store: NodeStore, request: bytes, *, to_read_only: bool) -> bytes:
    try:
        message, dense = decode(request)
        if to_read_only:
            _bound(message)
        if message["op"] == "scroll":
            return encode_page(*store.scroll(message["after"], message["limit"]))
        if message["op"] == "stored_embeddings":
            return encode_stored(
                store.stored_embeddings(message["node_ids"], with_vectors=message["with_vectors"])
            )
        return encode({"ok": _perform(store, message, dense)})
    except LecternError as error:
        return encode_error(error)
    except Exception as error:  # the outermost loop of its thread
        logger.exception("a request to the index failed")
        return encode_error(LecternError(f"The index failed: {error!r}."))


def _bound(message: Message) -> None:
    """Raise `IndexUnavailable` for what changes anything; let nobody ask for all at once."""
    if message["op"] not in _READING:
        raise IndexUnavailable("The index is open for reading only here.")
    if message["op"] == "scroll":
        message["limit"] = min(message["limit"], MOST_POINTS)
    if len(message.get("node_ids") or ()) > MOST_POINTS:
        raise IndexUnavailable(f"More than {MOST_POINTS} nodes are asked for at a time.")


def _perform(store: NodeStore, message: Message, dense: bytes) -> int | dict[str, int] | None:
    match message["op"]:
        case "document_counts":
            return dict(store.document_counts())
        case "add":
            store.add_points(decode_points(message, dense))
        case "delete":
            store.delete(message["ref_doc_id"])
        case "delete_nodes":
            store.delete_nodes(message["node_ids"], decode_filters(message["filters"]))
        case "count":
            return store.count(decode_filters(message["filters"]))
        case unknown:
            raise IndexUnavailable(f"The index knows no operation {unknown!r}.")
    return None


class GatewayVectorStore(NodeStore):
    """The owner's index as a worker sees it: for writing, counting and looking up, not searching.

    Errors of the store are raised here as the same `LecternError`; `IndexUnavailable` when the
    owner is gone. Safe to use from several threads.
    """

    is_embedded: ClassVar[bool] = False

    _connection: Connection = PrivateAttr()
    _encoder: Bm25Encoder = PrivateAttr()
    _talking: threading.Lock = PrivateAttr()

    def __init__(self, connection: Connection) -> None:
        super().__init__(stores_text=True)
        self._connection = connection
        self._encoder = Bm25Encoder()
        self._talking = threading.Lock()

    @classmethod
    def class_name(cls) -> str:
        """Name for LlamaIndex's serialisation."""
        return "GatewayVectorStore"

    @property
    def client(self) -> Connection:
        """The connection to the owner."""
        return self._connection

    def add(self, nodes: Sequence[BaseNode], **kwargs: object) -> list[str]:
        """Store nodes with their embeddings; gives their ids in order, once the owner has them."""
        refuse_unknown(kwargs)
        for start in range(0, len(nodes), BATCH_POINTS):
            points = to_points(nodes[start : start + BATCH_POINTS], self._encoder)
            self._ask(encode_points(points))
        return [node.node_id for node in nodes]

    def delete(self, ref_doc_id: str, **delete_kwargs: object) -> None:
        """Delete every node of a document."""
        refuse_unknown(delete_kwargs)
        self._ask(encode({"op": "delete", "ref_doc_id": ref_doc_id}))

    def delete_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        **delete_kwargs: object,
    ) -> None:
        """Delete the nodes that match; `InvalidFilter` when nothing is asked for."""
        refuse_unknown(delete_kwargs)
        request = {"node_ids": node_ids, "filters": encode_filters(filters)}
        self._ask(encode({"op": "delete_nodes", **request}))

    def count(self, filters: MetadataFilters | None = None) -> int:
        """How many nodes match, exactly."""
        return int(self._ask(encode({"op": "count", "filters": encode_filters(filters)})))

    def stored_embeddings(
        self, node_ids: Sequence[str], *, with_vectors: bool = True
    ) -> Mapping[str, StoredEmbedding]:
        """What is stored of these nodes, by id; those that are not there are missing."""
        request = {"node_ids": [*node_ids], "with_vectors": with_vectors}
        rows, dense = self._exchange(encode({"op": "stored_embeddings", **request}))
        return decode_stored(rows, dense)

    def scroll(self, after: str | None, limit: int) -> tuple[list[IndexPoint], str | None]:
        """The next points in the order of their ids, and where to go on; None: that was all."""
        page, dense = self._exchange(encode({"op": "scroll", "after": after, "limit": limit}))
        return decode_points(page, dense), page["following"]

    def document_counts(self) -> Mapping[str, int]:
        """How many nodes each document has, exactly, by document id; any order."""
        counts: dict[str, int] = self._ask(encode({"op": "document_counts"}))
        return counts

    def get_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        limit: int | None = None,
    ) -> list[BaseNode]:
        """Not offered: the worker only writes."""
        raise NotImplementedError("a gateway does not read nodes; ask the index's owner")

    def query(self, query: VectorStoreQuery, **kwargs: object) -> VectorStoreQueryResult:
        """Not offered: the worker only writes."""
        raise NotImplementedError("a gateway does not search; ask the index's owner")

    def close(self) -> None:
        """Hang up, which ends the owner's `serve_index`; the index stays open there."""
        self._connection.close()

    def _ask(self, request: bytes) -> Any:  # noqa: ANN401  (JSON)
        return self._exchange(request)[0]

    def _exchange(self, request: bytes) -> tuple[Any, bytes]:
        """The reply's value, and the vectors behind it."""
        try:
            with self._talking:
                self._connection.send_bytes(request)
                reply = self._connection.recv_bytes()
        except (EOFError, OSError) as error:
            raise IndexUnavailable("The process that holds the index is gone.") from error
        message, dense = decode(reply)
        return value_or_raise(message), dense
