from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Mapping

from hypothesis import given
from hypothesis import strategies as st
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.core.vector_stores.types import MetadataFilters

from service.retrieval.filters import parse_filters
from service.retrieval.live_nodes import LiveNodesOnly
from service.retrieval.retriever import OVER_FETCH, HybridRetriever
from tests.doubles.word_embedding import WordEmbedding
from tests.samples.corpus import filled_store, node_of, small_corpus


def all_live(document_ids: Collection[str]) -> Mapping[str, int]:
    return dict.fromkeys(document_ids, 1)


def retriever(filters: MetadataFilters | None = None, top_k: int = 3) -> HybridRetriever:
    nodes = [*small_corpus(), node_of("Acme holds patents too.", collection="private")]
    return HybridRetriever(
        filled_store(nodes),
        WordEmbedding(),
        collection="default",
        live_versions=all_live,
        filters=filters,
        top_k=top_k,
    )


def found_in(nodes: list[NodeWithScore]) -> list[str]:
    return [found.node.metadata["document_id"] for found in nodes]


def test_the_best_node_comes_first_with_its_score() -> None:
    nodes = retriever().retrieve("How many patents does Globex hold?")
    assert found_in(nodes)[0] == "globex"
    scores = [found.score for found in nodes]
    assert scores == sorted(scores, key=lambda score: -(score or 0.0))


def test_both_paths_find_the_same() -> None:
    question = "Where are the headquarters?"
    direct = retriever().retrieve(question)
    awaited = asyncio.run(retriever().aretrieve(question))
    assert [found.node_id for found in awaited] == [found.node_id for found in direct]


def test_another_collection_is_never_searched_whatever_the_filter_says() -> None:
    for raw in (None, {"or": [{"page": 1}, {"page": {"gte": 1}}]}, {"not": {"page": 99}}):
        nodes = retriever(parse_filters(raw)).retrieve("Acme patents")
        assert {found.node.metadata["collection"] for found in nodes} == {"default"}


def test_a_filter_narrows_the_search() -> None:
    nodes = retriever(parse_filters({"document_id": "acme", "page": 2})).retrieve("Acme")
    assert [found.node.metadata["page"] for found in nodes] == [2]


def test_it_fetches_more_than_is_asked_for_so_that_dead_nodes_can_be_dropped() -> None:
    assert len(retriever(top_k=1).retrieve("Acme")) == OVER_FETCH


def test_nodes_that_are_not_live_do_not_crowd_out_those_that_are() -> None:
    question = "How many patents does Globex hold?"
    crowd = [
        node_of(
            f"Globex patents, draft {number}.", document_id=f"dead-{number % 3}", ordinal=number
        )
        for number in range(60)
    ]
    stale = [
        node_of(f"Globex patents, older {number}.", document_id="globex", version=9, ordinal=number)
        for number in range(30)
    ]

    def live(document_ids: Collection[str]) -> Mapping[str, int]:
        return {name: 1 for name in document_ids if not name.startswith("dead")}

    crowded = HybridRetriever(
        filled_store([*small_corpus(), *crowd, *stale]),
        WordEmbedding(),
        collection="default",
        live_versions=live,
        top_k=3,
    )
    kept = LiveNodesOnly(live).postprocess_nodes(crowded.retrieve(question))
    assert found_in(kept)[0] == "globex"
    assert len(kept) >= 3


def test_the_questions_embedding_is_left_for_later_steps() -> None:
    bundle = QueryBundle("Where are the headquarters?")
    retriever().retrieve(bundle)
    assert bundle.embedding == WordEmbedding().get_query_embedding(bundle.query_str)


class Registry:
    """Which versions are live, and which thread asked."""

    def __init__(self, live: Mapping[str, int]) -> None:
        self.live = live
        self.asked_in: list[int] = []

    def __call__(self, document_ids: Collection[str], /) -> Mapping[str, int]:
        self.asked_in.append(threading.get_ident())
        return {name: self.live[name] for name in document_ids if name in self.live}


def versions(*pairs: tuple[str, int]) -> list[NodeWithScore]:
    return [
        NodeWithScore(node=node_of("text", document_id=name, version=version, ordinal=ordinal))
        for ordinal, (name, version) in enumerate(pairs)
    ]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 3)), max_size=8),
    st.dictionaries(st.sampled_from("abc"), st.integers(1, 3)),
)
def test_exactly_the_live_nodes_are_kept_in_order(
    pairs: list[tuple[str, int]], live: dict[str, int]
) -> None:
    nodes = versions(*pairs)
    kept = LiveNodesOnly(Registry(live)).postprocess_nodes(nodes)
    expected = [
        found
        for found, (name, version) in zip(nodes, pairs, strict=True)
        if live.get(name) == version
    ]
    assert kept == expected


def test_a_node_without_an_origin_is_dropped() -> None:
    stray = NodeWithScore(node=TextNode(text="who knows"))
    assert LiveNodesOnly(Registry({"": 1})).postprocess_nodes([stray]) == []


def test_the_registry_is_asked_once_and_off_the_event_loop() -> None:
    registry = Registry({"a": 1, "b": 1})
    step = LiveNodesOnly(registry)
    kept = asyncio.run(step.apostprocess_nodes(versions(("a", 1), ("b", 1), ("a", 2))))
    assert found_in(kept) == ["a", "b"]
    assert len(registry.asked_in) == 1
    assert registry.asked_in[0] != threading.get_ident()
