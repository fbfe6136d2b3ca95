"""Which embeddings are taken over from what the index has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llama_index.core.schema import TextNode

from corpus.index.points import StoredEmbedding
from corpus.nodes import EMBED_SHA, node_id
from corpus.registry.donors import Donor
from ingestion.pipeline.reuse import LOOK_UP_NODES, KnownEmbeddings
from tests.samples.corpus import node_of

ONE = b"\x00\x00\x80\x3f"  # 1.0 as little-endian float32


class Shelf:
    """Holds hashes by node id; notes how many were asked for at once."""

    def __init__(self, stored: Mapping[str, str]) -> None:
        self.stored = dict(stored)
        self.asked: list[int] = []

    def stored_embeddings(
        self, node_ids: Sequence[str], *, with_vectors: bool = True
    ) -> Mapping[str, StoredEmbedding]:
        self.asked.append(len(node_ids))
        return {
            name: StoredEmbedding(self.stored[name], ONE if with_vectors else b"")
            for name in node_ids
            if name in self.stored
        }


def shelf_of(nodes: Sequence[TextNode]) -> Shelf:
    return Shelf({node.node_id: node.metadata[EMBED_SHA] for node in nodes})


def test_a_chunk_that_stands_elsewhere_in_the_donor_is_found() -> None:
    shelf = shelf_of([node_of("first"), node_of("second", ordinal=1)])
    nodes = [node_of("second", version=2), node_of("third", version=2, ordinal=1)]
    unknown = KnownEmbeddings(shelf, [Donor("acme", 1, 2)], nodes).fill(nodes)
    assert [node.text for node in unknown] == ["third"]
    assert nodes[0].embedding == [1.0]


def test_the_title_counts_as_it_is_embedded_too() -> None:
    shelf = shelf_of([node_of("first", document_id="globex")])
    nodes = [node_of("first")]
    assert KnownEmbeddings(shelf, [Donor("globex", 1, 1)], nodes).fill(nodes) == nodes


def test_without_donors_the_index_is_not_asked() -> None:
    shelf = shelf_of([])
    nodes = [node_of("first")]
    assert KnownEmbeddings(shelf, [], nodes).fill(nodes) == nodes
    assert shelf.asked == []


def test_a_donor_that_is_gone_or_changed_meanwhile_lends_nothing() -> None:
    shelf = shelf_of([node_of("first"), node_of("second", ordinal=1)])
    nodes = [node_of("first", version=2), node_of("second", version=2, ordinal=1)]
    known = KnownEmbeddings(shelf, [Donor("acme", 1, 2)], nodes)
    del shelf.stored[node_id("acme", 1, 0)]
    shelf.stored[node_id("acme", 1, 1)] = "of another text"
    assert known.fill(nodes) == nodes


def test_a_long_donor_is_looked_at_in_pages_until_all_is_found() -> None:
    count = 3 * LOOK_UP_NODES
    shelf = shelf_of([node_of(f"chunk {n}", ordinal=n) for n in range(count)])
    nodes = [node_of(f"chunk {n}", version=2, ordinal=n) for n in (0, LOOK_UP_NODES)]
    KnownEmbeddings(shelf, [Donor("acme", 1, count)], nodes)
    assert shelf.asked == [LOOK_UP_NODES, LOOK_UP_NODES]
