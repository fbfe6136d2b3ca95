"""BM25 sparse vectors, made by Qdrant Edge's own encoder for both stores, so both rank alike.

The encoder weighs terms by their frequency (k 1.2, b 0.75, average length 256 tokens, English
stemming and stop words); the engine multiplies by the inverse document frequency when it searches.
It needs no model and no download.
"""

from __future__ import annotations

from collections.abc import Sequence

from qdrant_edge import Bm25, SparseVector

SparseVectors = tuple[list[list[int]], list[list[float]]]


class Bm25Encoder:
    """Texts to sparse vectors, in the shape of LlamaIndex's `sparse_doc_fn` and `sparse_query_fn`.

    Both methods give (indices, values), each one list a text, in the order of the texts. A text
    of nothing but stop words has an empty vector.
    """

    def __init__(self) -> None:
        self._bm25 = Bm25()

    def encode_documents(self, texts: Sequence[str]) -> SparseVectors:
        """Vectors to store: values are saturated term frequencies, at least 0."""
        return _columns([self._bm25.embed_document(text) for text in texts])

    def encode_queries(self, texts: Sequence[str]) -> SparseVectors:
        """Vectors to search with: every distinct term has the value 1.0."""
        return _columns([self._bm25.embed_query(text) for text in texts])


def _columns(vectors: list[SparseVector]) -> SparseVectors:
    return [vector.indices for vector in vectors], [vector.values for vector in vectors]
