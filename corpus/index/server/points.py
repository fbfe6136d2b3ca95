"""Points into the server's types, and nodes out of them."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from llama_index.core.schema import BaseNode
from qdrant_client.http.models import PointStruct, Record, ScoredPoint, SparseVector

from corpus.index.layout import DENSE_VECTOR, SPARSE_VECTOR, node_in
from corpus.index.points import IndexPoint, StoredEmbedding
from corpus.nodes import EMBED_SHA


def server_point(point: IndexPoint) -> PointStruct:
    """The point as the server takes it."""
    return PointStruct(
        id=point.id,
        vector={
            DENSE_VECTOR: np.frombuffer(point.dense, dtype="<f4").tolist(),
            SPARSE_VECTOR: SparseVector(indices=point.sparse_indices, values=point.sparse_values),
        },
        payload=point.payload,
    )


def node_of(found: ScoredPoint | Record) -> BaseNode:
    """The node that was stored, with its embedding if the vector was asked for."""
    node = node_in(found.payload or {})
    if isinstance(found.vector, dict):
        node.embedding = cast("list[float]", found.vector[DENSE_VECTOR])
    return node


def index_point_of(found: Record) -> IndexPoint:
    """The whole point of a record that was asked for payload and vectors."""
    vectors = cast("dict[str, Any]", found.vector)
    words = cast("SparseVector", vectors[SPARSE_VECTOR])
    dense = np.asarray(vectors[DENSE_VECTOR], dtype="<f4").tobytes()
    return IndexPoint(str(found.id), dense, words.indices, words.values, found.payload or {})


def stored_embedding_of(found: Record) -> StoredEmbedding:
    """What the record tells, if it was asked for `EMBED_SHA` and perhaps its vectors."""
    dense = b""
    if isinstance(found.vector, dict):
        dense = np.asarray(found.vector[DENSE_VECTOR], dtype="<f4").tobytes()
    return StoredEmbedding(str((found.payload or {}).get(EMBED_SHA, "")), dense)
