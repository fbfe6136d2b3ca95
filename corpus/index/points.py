"""Nodes to points: everything about a node that can be computed away from the index's owner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from llama_index.core.schema import BaseNode, MetadataMode

from corpus.errors import EmbeddingMismatch, EmbeddingUnavailable
from corpus.index.bm25 import Bm25Encoder
from corpus.index.languages import language_of
from corpus.index.layout import node_in, payload_of

# Batches of 16, 32 and 64 points (384 dimensions, 150 words) all store 3,100 points/s on Edge, but
# one update holds the GIL for 2, 5 and 10 ms.
BATCH_POINTS = 16


@dataclass(frozen=True)
class IndexPoint:
    """One node ready to be stored.

    `dense` is the embedding as little-endian float32, four bytes a dimension. `sparse_indices`
    and `sparse_values` are the BM25 vector, equally long.
    """

    id: str
    dense: bytes
    sparse_indices: list[int]
    sparse_values: list[float]
    payload: dict[str, Any]

    def node(self) -> BaseNode:
        """The node again, with its embedding."""
        node = node_in(self.payload)
        node.embedding = self.embedding()
        return node

    def embedding(self) -> list[float]:
        """The embedding as LlamaIndex keeps it on a node."""
        return StoredEmbedding("", self.dense).vector()


@dataclass(frozen=True, slots=True)
class StoredEmbedding:
    """What the index has of a node: `embed_sha` of its metadata, and the vector made of that.

    `dense` is little-endian float32, four bytes a dimension, of length 1; empty where only the
    `embed_sha` was asked for. A node from before `embed_sha` has an empty one.
    """

    embed_sha: str
    dense: bytes

    def vector(self) -> list[float]:
        """The embedding as LlamaIndex keeps it on a node."""
        return [float(value) for value in np.frombuffer(self.dense, dtype="<f4")]


def to_points(nodes: Sequence[BaseNode], encoder: Bm25Encoder) -> list[IndexPoint]:
    """Points in the order of the nodes.

    Each node needs its embedding (`ValueError` without one). BM25 reads the same text as the
    embedding did, in the `language` of its metadata, or the one it seems to be in. Raises
    `EmbeddingUnavailable` when an embedding holds NaN or infinity.
    """
    texts = [node.get_content(metadata_mode=MetadataMode.EMBED) for node in nodes]
    languages = [
        node.metadata.get("language") or language_of(text)
        for node, text in zip(nodes, texts, strict=True)
    ]
    indices, values = encoder.encode_documents(texts, languages)
    return [
        IndexPoint(
            id=node.node_id,
            dense=_finite(node.get_embedding()).tobytes(),
            sparse_indices=indices[position],
            sparse_values=values[position],
            payload=payload_of(node),
        )
        for position, node in enumerate(nodes)
    ]


def check_embeddings(nodes: Sequence[BaseNode], dimension: int) -> None:
    """Raise `EmbeddingMismatch` or `EmbeddingUnavailable` before a bad vector is stored."""
    for node in nodes:
        check_length(_finite(node.get_embedding()).size, dimension)


def check_length(found: int, expected: int) -> None:
    """Raise `EmbeddingMismatch` unless a vector has as many dimensions as the index."""
    if found != expected:
        raise EmbeddingMismatch(
            f"The embedding has {found} dimensions, the index was made for {expected}.",
            hint="Set LECTERN_EMBEDDING back to the model the index was made with, "
            "or use another LECTERN_DATA_DIR.",
        )


def _finite(embedding: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    vector = np.asarray(embedding, dtype="<f4")
    if not np.isfinite(vector).all():
        raise EmbeddingUnavailable("The embedding model answered with NaN or infinity.")
    return vector
