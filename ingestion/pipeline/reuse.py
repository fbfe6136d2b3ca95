"""Embeddings that the index has already of the same text, so that nothing is embedded twice.

A chunk is known by the hash of what is embedded of it (`EMBED_SHA`), and what is stored is found by
the ids of its nodes, which are computed. So no index over hashes is needed, and only hashes are
held for a whole document; vectors are fetched batch by batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Protocol

from llama_index.core.schema import TextNode

from corpus.index.points import StoredEmbedding
from corpus.nodes import EMBED_SHA, node_id
from corpus.registry.donors import Donor

# So few per message: the owner of the index answers nobody else while it puts one together.
LOOK_UP_NODES = 256


class EmbeddingLender(Protocol):
    """The part of a node store that has them."""

    def stored_embeddings(
        self, node_ids: Sequence[str], *, with_vectors: bool = True
    ) -> Mapping[str, StoredEmbedding]:
        """What is stored of these nodes, by id; those that are not there are missing."""
        ...


class KnownEmbeddings:
    """What donors have of the nodes of one version."""

    def __init__(
        self, store: EmbeddingLender, donors: Sequence[Donor], nodes: Sequence[TextNode]
    ) -> None:
        """Look at all nodes of the donors, the first donor's first; `IndexUnavailable`."""
        self._store = store
        wanted = {node.metadata[EMBED_SHA] for node in nodes}
        self._place: dict[str, str] = {}
        for donor in donors:
            ids = (node_id(donor.document_id, donor.version, n) for n in range(donor.chunks))
            while wanted and (page := list(islice(ids, LOOK_UP_NODES))):
                for found, stored in store.stored_embeddings(page, with_vectors=False).items():
                    if stored.embed_sha in wanted:
                        self._place[stored.embed_sha] = found
                        wanted.discard(stored.embed_sha)

    def fill(self, nodes: Sequence[TextNode]) -> list[TextNode]:
        """Give the nodes the embeddings that are known; the others, in order.

        A donor that was deleted or written anew since is not trusted: what it holds now must have
        the same hash.
        """
        places = {self._place.get(node.metadata[EMBED_SHA]) for node in nodes}
        ids = [place for place in places if place is not None]
        found = self._store.stored_embeddings(ids) if ids else {}
        known = {stored.embed_sha: stored for stored in found.values()}
        for node in nodes:
            stored = known.get(node.metadata[EMBED_SHA])
            if stored is not None:
                node.embedding = stored.vector()
        return [node for node in nodes if node.embedding is None]
