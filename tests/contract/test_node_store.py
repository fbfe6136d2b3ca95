"""What every node store must do: Edge, Qdrant servers, and Edge and a server by the gateway."""

import asyncio
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import Pipe
from pathlib import Path

import pytest
from llama_index.core.schema import NodeRelationship
from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
    VectorStoreQueryResult,
)

from corpus.errors import EmbeddingMismatch, EmbeddingUnavailable, InvalidFilter
from corpus.index.edge.store import EdgeVectorStore
from corpus.index.fusion import FusedResult, ScoreFusion
from corpus.index.gateway import GatewayVectorStore, serve_index
from corpus.index.points import StoredEmbedding
from corpus.index.port import NodeStore
from corpus.nodes import EMBED_SHA
from tests.qdrant import EVERY_QDRANT, OVER_HTTP, new_store, qdrant_server
from tests.samples.index_nodes import DIMENSION, a_node

# The formula is tested where it is simplest; the default is chosen by measurement.
EVEN = ScoreFusion(sparse_weight=1.0)
TOWARDS_X = [1.0, 0.0, 0.0, 0.0]
TOWARDS_Y = [0.0, 1.0, 0.0, 0.0]
AND, OR, NOT = FilterCondition.AND, FilterCondition.OR, FilterCondition.NOT
OP = FilterOperator
BY_GATEWAY = "by gateway, "
EVERY_STORE = ["edge", f"{BY_GATEWAY}edge", *EVERY_QDRANT, f"{BY_GATEWAY}{OVER_HTTP}"]


@dataclass
class Stores:
    """The same index, as it is written to and as it is read."""

    writer: NodeStore
    reader: NodeStore


@pytest.fixture(params=EVERY_STORE)
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    yield from _opened(request.param, tmp_path)


@pytest.fixture(params=EVERY_STORE)
def lenient_stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    """They take filters on fields without an index, which Lectern itself does not send."""
    yield from _opened(request.param, tmp_path, is_strict=False)


def _opened(name: str, tmp_path: Path, *, is_strict: bool = True) -> Iterator[Stores]:
    with ExitStack() as opened:
        kind = name.removeprefix(BY_GATEWAY)
        if kind == "edge":
            store: NodeStore = EdgeVectorStore.open(tmp_path / "index", DIMENSION, EVEN)
            opened.callback(store.close)
        else:
            address = opened.enter_context(qdrant_server(kind, is_strict=is_strict))
            store = opened.enter_context(new_store(address, DIMENSION, EVEN))
        if kind == name:
            yield Stores(store, store)
        else:
            yield from _through_the_gateway(store)


def _through_the_gateway(owned: NodeStore) -> Iterator[Stores]:
    ours, theirs = Pipe()
    serving = threading.Thread(target=serve_index, args=(owned, ours))
    serving.start()
    gateway = GatewayVectorStore(theirs)
    yield Stores(gateway, owned)
    gateway.close()
    serving.join()


def where(key: str, operator: FilterOperator, value: object) -> MetadataFilters:
    one = MetadataFilter.model_validate({"key": key, "operator": operator, "value": value})
    return MetadataFilters(filters=[one])


def both(condition: FilterCondition, *members: MetadataFilters) -> MetadataFilters:
    return MetadataFilters(filters=list(members), condition=condition)


def texts(found: VectorStoreQueryResult) -> list[str]:
    return [node.get_content() for node in found.nodes or []]


def dense(embedding: list[float], filters: MetadataFilters | None = None) -> VectorStoreQuery:
    return VectorStoreQuery(query_embedding=embedding, similarity_top_k=10, filters=filters)


def hybrid(
    text: str,
    embedding: list[float],
    filters: MetadataFilters | None = None,
    alpha: float | None = None,
) -> VectorStoreQuery:
    return VectorStoreQuery(
        query_str=text,
        query_embedding=embedding,
        similarity_top_k=10,
        mode=VectorStoreQueryMode.HYBRID,
        filters=filters,
        alpha=alpha,
    )


def sparse(text: str, filters: MetadataFilters | None = None) -> VectorStoreQuery:
    return VectorStoreQuery(
        query_str=text,
        similarity_top_k=10,
        mode=VectorStoreQueryMode.SPARSE,
        filters=filters,
    )


def test_a_node_comes_back_as_it_was_added(stores: Stores) -> None:
    node = a_node("Net sales were $394 billion — up 8 %.", page=7, team="finance")
    assert stores.writer.add([node]) == [node.node_id]
    (found,) = stores.reader.query(dense(TOWARDS_X)).nodes or []
    assert found.metadata == node.metadata
    assert found.get_content() == node.text
    assert found.node_id == node.node_id
    assert found.relationships[NodeRelationship.SOURCE] == node.relationships["1"]  # type: ignore[index]


def test_a_dense_search_is_ordered_by_cosine(stores: Stores) -> None:
    stores.writer.add(
        [
            a_node("far", [0.0, 2.0, 0.0, 0.0], ordinal=0),
            a_node("near", [3.0, 3.0, 0.0, 0.0], ordinal=1),
        ]
    )
    found = stores.reader.query(dense(TOWARDS_X))
    assert texts(found) == ["near", "far"]
    assert found.similarities == pytest.approx([0.5**0.5, 0.0], abs=1e-6)


def test_the_limit_is_kept(stores: Stores) -> None:
    stores.writer.add([a_node(f"text {n}", ordinal=n) for n in range(5)])
    for query in (dense(TOWARDS_X), sparse("text"), hybrid("text", TOWARDS_X)):
        query.similarity_top_k = 2
        assert len(texts(stores.reader.query(query))) == 2


def test_adding_a_node_again_replaces_it(stores: Stores) -> None:
    stores.writer.add([a_node("before")])
    stores.writer.add([a_node("after")])
    assert stores.writer.count() == 1
    assert texts(stores.reader.query(dense(TOWARDS_X))) == ["after"]


def test_more_nodes_than_one_batch_are_all_added(stores: Stores) -> None:
    nodes = [a_node(f"text {n}", ordinal=n) for n in range(150)]
    assert stores.writer.add(nodes) == [node.node_id for node in nodes]
    assert stores.writer.count() == 150


def test_adding_nothing_is_harmless(stores: Stores) -> None:
    assert stores.writer.add([]) == []
    assert stores.writer.count() == 0


def test_an_embedding_of_another_length_is_refused(stores: Stores) -> None:
    with pytest.raises(EmbeddingMismatch, match="3 dimensions"):
        stores.writer.add([a_node(embedding=[1.0, 0.0, 0.0])])
    assert stores.writer.count() == 0


def test_an_embedding_with_nan_is_refused(stores: Stores) -> None:
    with pytest.raises(EmbeddingUnavailable):
        stores.writer.add([a_node(embedding=[float("nan"), 0.0, 0.0, 0.0])])
    assert stores.writer.count() == 0


def test_embeddings_come_back_when_asked_for(stores: Stores) -> None:
    stores.writer.add([a_node("a", [2.0, 0.0, 0.0, 0.0])])
    for query in (dense(TOWARDS_X), hybrid("a", TOWARDS_X)):
        (plain,) = stores.reader.query(query).nodes or []
        (with_vector,) = stores.reader.query(query, with_embedding=True).nodes or []
        assert plain.embedding is None
        assert with_vector.embedding == pytest.approx(TOWARDS_X)


class TestHybrid:
    def test_it_finds_a_rare_word_that_dense_misses(self, stores: Stores) -> None:
        decoys = [a_node(f"growth {n}", [1.0, 0.01 * n, 0.0, 0.0], ordinal=n) for n in range(60)]
        stores.writer.add(
            [*decoys, a_node("the xylograph clause", [0.0, 0.0, 0.0, 1.0], ordinal=99)]
        )
        question = "what about the xylograph"
        assert "the xylograph clause" not in texts(stores.reader.query(dense(TOWARDS_X)))
        assert "the xylograph clause" in texts(stores.reader.query(hybrid(question, TOWARDS_X)))

    def test_the_weights_decide_which_half_comes_first(self, stores: Stores) -> None:
        stores.writer.add(
            [
                a_node("a xylograph among much else", TOWARDS_X, ordinal=0),
                a_node("xylograph xylograph", TOWARDS_Y, ordinal=1),
            ]
        )
        mostly_dense = stores.reader.query(hybrid("xylograph", TOWARDS_X, alpha=0.6))
        mostly_sparse = stores.reader.query(hybrid("xylograph", TOWARDS_X, alpha=0.1))
        assert texts(mostly_dense)[0] == "a xylograph among much else"
        assert texts(mostly_sparse)[0] == "xylograph xylograph"

    def test_a_half_of_weight_zero_is_left_out(self, stores: Stores) -> None:
        stores.writer.add(
            [a_node("plain", TOWARDS_X, ordinal=0), a_node("xylograph", TOWARDS_Y, ordinal=1)]
        )
        assert texts(stores.reader.query(hybrid("xylograph", TOWARDS_X, alpha=0.0))) == [
            "xylograph"
        ]

    def test_the_score_is_the_weighted_sum(self, stores: Stores) -> None:
        stores.writer.add(
            [a_node("plain", TOWARDS_X, ordinal=0), a_node("xylograph", TOWARDS_Y, ordinal=1)]
        )
        found = stores.reader.query(hybrid("xylograph", TOWARDS_X, alpha=0.75))
        score_of = dict(zip(texts(found), found.similarities or [], strict=True))
        assert score_of == pytest.approx({"plain": 0.75, "xylograph": 0.25}, abs=1e-6)

    def test_the_scores_of_its_halves_are_told(self, stores: Stores) -> None:
        stores.writer.add(
            [a_node("plain", TOWARDS_X, ordinal=0), a_node("xylograph", TOWARDS_Y, ordinal=1)]
        )
        found = stores.reader.query(hybrid("xylograph", TOWARDS_X))
        assert isinstance(found, FusedResult)
        scores = [found.halves[node_id] for node_id in found.ids or []]
        halves = dict(zip(texts(found), scores, strict=True))
        dense, sparse = halves["plain"]
        assert dense == pytest.approx(1.0, abs=1e-6)
        assert sparse is None
        dense, sparse = halves["xylograph"]
        assert dense == pytest.approx(0.0, abs=1e-6)
        assert sparse is not None
        assert sparse > 0

    def test_no_more_are_found_than_asked_for_and_the_best_come_first(self, stores: Stores) -> None:
        stores.writer.add(
            [a_node(f"text {n}", [1.0, 0.1 * n, 0.0, 0.0], ordinal=n) for n in range(20)]
        )
        found = stores.reader.query(hybrid("text", TOWARDS_X))
        assert len(found.nodes or []) == 10
        assert texts(found)[0] == "text 0"
        assert found.similarities == sorted(found.similarities or [], reverse=True)

    @pytest.mark.parametrize(
        ("language", "question", "text"),
        [
            ("de", "Welche Häuser wurden verkauft?", "Das Haus wird jetzt verkauft"),
            ("fr", "Quelles maisons avons-nous vendues ?", "La maison est vendue"),
            ("zh", "谁发明了电话？", "电话的发明者是贝尔"),
            ("ja", "電話を発明したのは誰ですか", "ベルが電話を発明した"),
            ("th", "ใครประดิษฐ์โทรศัพท์", "เบลล์ประดิษฐ์โทรศัพท์เครื่องแรก"),
        ],
    )
    def test_words_are_found_in_other_languages(
        self, stores: Stores, language: str, question: str, text: str
    ) -> None:
        stores.writer.add([a_node(text, TOWARDS_Y, language=language, ordinal=0)])
        assert texts(stores.reader.query(sparse(question))) == [text]

    def test_the_filter_applies_to_both_halves(self, stores: Stores) -> None:
        stores.writer.add(
            [
                a_node("xylograph", TOWARDS_X, collection="theirs", ordinal=0),
                a_node("plain", TOWARDS_Y, collection="ours", ordinal=1),
            ]
        )
        ours = where("collection", OP.EQ, "ours")
        assert texts(stores.reader.query(hybrid("xylograph", TOWARDS_X, ours))) == ["plain"]
        assert texts(stores.reader.query(sparse("xylograph", ours))) == []

    def test_a_filter_reaches_nodes_behind_many_that_it_excludes(self, stores: Stores) -> None:
        crowd = [a_node("xylograph", TOWARDS_X, collection="theirs", ordinal=n) for n in range(120)]
        stores.writer.add([*crowd, a_node("xylograph", TOWARDS_Y, collection="ours", ordinal=999)])
        ours = where("collection", OP.EQ, "ours")
        assert len(texts(stores.reader.query(hybrid("xylograph", TOWARDS_X, ours)))) == 1

    def test_a_question_of_stop_words_still_searches_by_meaning(self, stores: Stores) -> None:
        stores.writer.add([a_node("plain")])
        assert texts(stores.reader.query(hybrid("what is the", TOWARDS_X))) == ["plain"]
        assert texts(stores.reader.query(sparse("what is the"))) == []


def test_each_documents_nodes_are_counted(stores: Stores) -> None:
    assert stores.reader.document_counts() == {}
    one, two = str(uuid.uuid4()), str(uuid.uuid4())
    stores.writer.add(
        [a_node(f"text {n}", ordinal=n, document_id=one if n < 5 else two) for n in range(7)]
    )
    assert stores.reader.document_counts() == {one: 5, two: 2}
    stores.writer.delete(two)
    assert stores.reader.document_counts() == {one: 5}


def test_all_nodes_are_counted_at_least_roughly(stores: Stores) -> None:
    assert stores.reader.count_roughly() == 0
    stores.writer.add([a_node(f"text {n}", ordinal=n) for n in range(7)])
    assert 7 <= stores.reader.count_roughly() <= 14


def test_how_rare_a_word_is_counts_within_the_collection(stores: Stores) -> None:
    stores.writer.add([a_node("xylograph", ordinal=0), a_node("plain", ordinal=1)])
    question = sparse("xylograph", where("collection", OP.EQ, "filings"))
    alone = stores.reader.query(question).similarities
    others = [
        a_node("xylograph", collection="theirs", document_id=str(uuid.uuid4())) for _ in range(20)
    ]
    stores.writer.add(others)
    assert stores.reader.query(question).similarities == alone
    # Nor does what was once there.
    stores.writer.delete_nodes([one.node_id for one in others])
    assert stores.reader.query(question).similarities == alone


def test_a_collection_that_is_alone_hides_none_that_comes(stores: Stores) -> None:
    ours = where("collection", OP.EQ, "filings")
    theirs = where("collection", OP.EQ, "theirs")
    stores.writer.add([a_node("plain", TOWARDS_X, ordinal=0)])
    for question in (dense(TOWARDS_X, ours), hybrid("plain", TOWARDS_X, ours)):
        assert texts(stores.reader.query(question)) == ["plain"]
    another = a_node("their plain", TOWARDS_X, collection="theirs", ordinal=1)
    stores.writer.add([another])
    for filters, found in ((ours, ["plain"]), (theirs, ["their plain"])):
        assert texts(stores.reader.query(dense(TOWARDS_X, filters))) == found
        assert texts(stores.reader.query(sparse("plain", filters))) == found
        assert texts(stores.reader.query(hybrid("plain", TOWARDS_X, filters))) == found
    stores.writer.delete_nodes([another.node_id])
    assert texts(stores.reader.query(hybrid("plain", TOWARDS_X, ours))) == ["plain"]
    assert texts(stores.reader.query(hybrid("plain", TOWARDS_X, theirs))) == []


SAMPLE = {
    "a": {"page": 1, "filename": "a.pdf", "created_at": "2024-01-01T00:00:00Z", "weight": 0.5},
    "b": {"page": 2, "filename": "b.pdf", "created_at": "2024-06-01T00:00:00+00:00"},
    "c": {"page": 3, "filename": "c.pdf", "created_at": "2025-01-01T00:00:00Z", "tags": ["x", "y"]},
}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (where("filename", OP.EQ, "a.pdf"), "a"),
        (where("page", OP.EQ, 2), "b"),
        (where("filename", OP.NE, "a.pdf"), "bc"),
        (where("filename", OP.IN, ["a.pdf", "c.pdf", "z.pdf"]), "ac"),
        (where("page", OP.IN, [1, 2]), "ab"),
        (where("page", OP.IN, []), ""),
        (where("filename", OP.NIN, ["a.pdf"]), "bc"),
        (where("page", OP.NIN, [2, 3]), "a"),
        (where("page", OP.GT, 2), "c"),
        (where("page", OP.GTE, 2), "bc"),
        (where("page", OP.LT, 2), "a"),
        (where("page", OP.LTE, 2), "ab"),
        (where("page", OP.GT, 1.5), "bc"),
        (where("created_at", OP.GT, "2024-06-01T00:00:00Z"), "c"),
        (where("created_at", OP.GTE, "2024-06-01"), "bc"),
        (where("created_at", OP.LT, "2024-06-01T02:00:00+01:00"), "ab"),
        (where("created_at", OP.LTE, "2024-01-01T00:00:00Z"), "a"),
        (where("created_at", OP.EQ, "2024-06-01T00:00:00Z"), "b"),
        (both(AND, where("page", OP.GT, 1), where("filename", OP.NE, "c.pdf")), "b"),
        (both(OR, where("page", OP.EQ, 1), where("filename", OP.EQ, "c.pdf")), "ac"),
        (both(NOT, where("page", OP.EQ, 1), where("filename", OP.EQ, "c.pdf")), "b"),
        (
            both(
                AND,
                both(OR, where("page", OP.EQ, 1), where("page", OP.EQ, 2)),
                both(NOT, both(OR, where("filename", OP.EQ, "a.pdf"))),
            ),
            "b",
        ),
        (MetadataFilters(filters=[]), "abc"),
    ],
    ids=str,
)
def test_filters_select(stores: Stores, filters: MetadataFilters, expected: str) -> None:
    _require_selection(stores, filters, expected)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (where("weight", OP.EQ, 0.5), "a"),
        (where("weight", OP.NE, 0.5), "bc"),
        (where("tags", OP.EQ, "y"), "c"),
        (where("tags", OP.NE, "y"), "ab"),
    ],
    ids=str,
)
def test_filters_select_by_what_has_no_index(
    lenient_stores: Stores, filters: MetadataFilters, expected: str
) -> None:
    _require_selection(lenient_stores, filters, expected)


def _require_selection(stores: Stores, filters: MetadataFilters, expected: str) -> None:
    stores.writer.add(
        [
            a_node(text, ordinal=ordinal, **fields)  # type: ignore[arg-type]
            for ordinal, (text, fields) in enumerate(SAMPLE.items())
        ]
    )
    assert "".join(sorted(texts(stores.reader.query(dense(TOWARDS_X, filters))))) == expected
    assert stores.writer.count(filters) == len(expected)


@pytest.mark.parametrize(
    "filters",
    [
        *(
            where("tags", operator, "x")
            for operator in (OP.CONTAINS, OP.TEXT_MATCH, OP.ANY, OP.ALL)
        ),
        where("tags", OP.TEXT_MATCH_INSENSITIVE, "x"),
        where("tags", OP.IS_EMPTY, None),
        where("page", OP.EQ, None),
        where("page", OP.EQ, [1]),
        where("page", OP.EQ, 2**70),
        where("page", OP.GT, float("nan")),
        where("page", OP.GT, float("inf")),
        where("page", OP.GT, [1]),
        where("page", OP.IN, 1),
        where("page", OP.IN, "1,2"),
        where("created_at", OP.GT, "last week"),
        where("a b[", OP.EQ, "x"),
        where("", OP.EQ, "x"),
        both(AND, where("page", OP.EQ, 1), both(NOT, where("page", OP.CONTAINS, "x"))),
        both(AND, where("page", OP.EQ, 1), MetadataFilters(filters=[], condition=OR)),
    ],
    ids=str,
)
def test_a_filter_that_cannot_be_done_is_refused(stores: Stores, filters: MetadataFilters) -> None:
    stores.writer.add([a_node()])
    for query in (dense(TOWARDS_X, filters), hybrid("x", TOWARDS_X, filters)):
        with pytest.raises(InvalidFilter):
            stores.reader.query(query)
    with pytest.raises(InvalidFilter):
        stores.writer.count(filters)
    with pytest.raises(InvalidFilter):
        stores.writer.delete_nodes(filters=filters)
    assert stores.writer.count() == 1


class TestDeletion:
    def test_deletes_what_the_filter_selects(self, stores: Stores) -> None:
        stores.writer.add([a_node("old", version=1), a_node("new", version=2)])
        stores.writer.delete_nodes(filters=where("version", OP.LT, 2))
        assert stores.writer.count(where("version", OP.EQ, 1)) == 0
        assert texts(stores.reader.query(dense(TOWARDS_X))) == ["new"]

    def test_ids_and_filters_must_both_hold(self, stores: Stores) -> None:
        nodes = [a_node("one", page=1, ordinal=0), a_node("two", page=2, ordinal=1)]
        stores.writer.add(nodes)
        stores.writer.delete_nodes([nodes[0].node_id], where("page", OP.EQ, 2))
        assert stores.writer.count() == 2
        stores.writer.delete_nodes([nodes[0].node_id], where("page", OP.EQ, 1))
        assert texts(stores.reader.query(dense(TOWARDS_X))) == ["two"]

    def test_no_ids_delete_nothing(self, stores: Stores) -> None:
        stores.writer.add([a_node()])
        stores.writer.delete_nodes([])
        assert stores.writer.count() == 1

    def test_asking_for_nothing_in_particular_is_refused(self, stores: Stores) -> None:
        stores.writer.add([a_node()])
        for filters in (None, MetadataFilters(filters=[])):
            with pytest.raises(InvalidFilter, match="which nodes"):
                stores.writer.delete_nodes(filters=filters)
        assert stores.writer.count() == 1

    def test_deletes_a_document(self, stores: Stores) -> None:
        kept, gone = str(uuid.uuid4()), str(uuid.uuid4())
        stores.writer.add([a_node("kept", document_id=kept), a_node("gone", document_id=gone)])
        stores.writer.delete(gone)
        assert texts(stores.reader.query(dense(TOWARDS_X))) == ["kept"]

    def test_clear_leaves_a_store_that_can_be_used(self, stores: Stores) -> None:
        stores.writer.add([a_node("before")])
        stores.reader.clear()
        assert stores.writer.count() == 0
        stores.writer.add([a_node("after")])
        assert texts(stores.reader.query(dense(TOWARDS_X))) == ["after"]


class TestReading:
    def test_nodes_are_read_by_id_and_filter(self, stores: Stores) -> None:
        nodes = [a_node(f"text {n}", ordinal=n, page=n) for n in range(4)]
        stores.writer.add(nodes)
        by_id = stores.reader.get_nodes([nodes[1].node_id, str(uuid.uuid4())])
        assert [node.node_id for node in by_id] == [nodes[1].node_id]
        neighbours = stores.reader.get_nodes(filters=where("page", OP.IN, [1, 3]))
        assert {node.node_id for node in neighbours} == {nodes[1].node_id, nodes[3].node_id}
        assert stores.reader.get_nodes([nodes[1].node_id], where("page", OP.EQ, 2)) == []
        assert stores.reader.get_nodes([]) == []

    def test_more_nodes_than_a_page_are_all_read_once(self, stores: Stores) -> None:
        stores.writer.add([a_node(f"text {n}", ordinal=n) for n in range(1100)])
        assert len({node.node_id for node in stores.reader.get_nodes()}) == 1100
        assert len(stores.reader.get_nodes(limit=3)) == 3
        assert len(stores.reader.get_nodes(limit=1050)) == 1050

    def test_a_search_can_be_limited_to_nodes_and_documents(self, stores: Stores) -> None:
        nodes = [a_node(f"text {n}", document_id=str(uuid.uuid4())) for n in range(3)]
        stores.writer.add(nodes)
        query = dense(TOWARDS_X)
        query.node_ids = [nodes[0].node_id, nodes[1].node_id]
        query.doc_ids = [nodes[1].metadata["document_id"], nodes[2].metadata["document_id"]]
        assert texts(stores.reader.query(query)) == ["text 1"]


class TestStoredEmbeddings:
    def test_they_are_found_by_id_with_the_hash_of_what_was_embedded(self, stores: Stores) -> None:
        nodes = [
            a_node("one", [0.6, 0.8, 0.0, 0.0], ordinal=0),
            a_node("two", [0.0, 3.0, 4.0, 0.0], ordinal=1),
        ]
        stores.writer.add(nodes)
        missing = str(uuid.uuid4())
        found = stores.writer.stored_embeddings([*(node.node_id for node in nodes), missing])
        assert found.keys() == {node.node_id for node in nodes}
        for node, vector in zip(nodes, ([0.6, 0.8, 0.0, 0.0], [0.0, 0.6, 0.8, 0.0]), strict=True):
            stored = found[node.node_id]
            assert stored.embed_sha == node.metadata[EMBED_SHA]
            assert stored.vector() == pytest.approx(vector)

    def test_the_hashes_come_without_vectors_too(self, stores: Stores) -> None:
        node = a_node("one")
        stores.writer.add([node])
        found = stores.writer.stored_embeddings([node.node_id], with_vectors=False)
        assert found == {node.node_id: StoredEmbedding(node.metadata[EMBED_SHA], b"")}

    def test_of_nothing_there_is_nothing(self, stores: Stores) -> None:
        assert stores.writer.stored_embeddings([]) == {}

    def test_a_node_of_an_older_release_has_no_hash(self, stores: Stores) -> None:
        node = a_node("one")
        del node.metadata[EMBED_SHA]
        stores.writer.add([node])
        assert stores.writer.stored_embeddings([node.node_id])[node.node_id].embed_sha == ""


@pytest.mark.parametrize(
    "query",
    [
        VectorStoreQuery(query_str="x"),
        VectorStoreQuery(query_embedding=TOWARDS_X, mode=VectorStoreQueryMode.HYBRID),
        VectorStoreQuery(query_str="x", mode=VectorStoreQueryMode.HYBRID),
        VectorStoreQuery(query_embedding=TOWARDS_X, mode=VectorStoreQueryMode.SPARSE),
        VectorStoreQuery(query_embedding=TOWARDS_X, mode=VectorStoreQueryMode.MMR),
        hybrid("x", TOWARDS_X, alpha=1.5),
    ],
    ids=str,
)
def test_a_query_without_what_its_mode_needs_is_refused(
    stores: Stores, query: VectorStoreQuery
) -> None:
    with pytest.raises(ValueError, match=r"needs|not supported|alpha"):
        stores.reader.query(query)


def test_an_unknown_argument_is_refused(stores: Stores) -> None:
    with pytest.raises(TypeError, match="qdrant_filters"):
        stores.reader.query(dense(TOWARDS_X), qdrant_filters=None)


def test_a_store_that_is_there_answers_a_ping(stores: Stores) -> None:
    stores.reader.ping()


async def _use_asynchronously(stores: Stores) -> list[str]:
    await stores.writer.async_add([a_node("kept", ordinal=0), a_node("gone", ordinal=1, page=2)])
    await stores.writer.adelete_nodes(filters=where("page", OP.EQ, 2))
    assert stores.writer.count() == 1
    assert len(await stores.reader.aget_nodes(limit=5)) == 1
    return texts(await stores.reader.aquery(hybrid("kept", TOWARDS_X)))


def test_the_async_methods_do_the_same(stores: Stores) -> None:
    assert asyncio.run(_use_asynchronously(stores)) == ["kept"]


def test_all_points_can_be_leafed_through_and_written_elsewhere_as_they_are(
    stores: Stores, tmp_path: Path
) -> None:
    nodes = [a_node(f"lamp number {n}", ordinal=n, embedding=[n, 1.0, 0, 0]) for n in range(7)]
    stores.writer.add(nodes)
    found, after = stores.writer.scroll(None, 3)
    while after is not None:
        more, after = stores.writer.scroll(after, 3)
        found += more
    assert [point.id for point in found] == sorted(node.node_id for node in nodes)
    elsewhere = EdgeVectorStore.open(tmp_path / "elsewhere", DIMENSION, EVEN)
    elsewhere.add_points(found)
    for mode in (VectorStoreQueryMode.SPARSE, VectorStoreQueryMode.DEFAULT):
        query = VectorStoreQuery(TOWARDS_X, 7, mode=mode, query_str="number 3")
        expected, there = stores.reader.query(query), elsewhere.query(query)
        assert dict(zip(there.ids or [], there.similarities or [], strict=True)) == pytest.approx(
            dict(zip(expected.ids or [], expected.similarities or [], strict=True)), abs=1e-6
        )
    assert {n.get_content() for n in elsewhere.get_nodes()} == {n.get_content() for n in nodes}
    elsewhere.close()


def test_nothing_to_leaf_through_is_an_empty_page(stores: Stores) -> None:
    assert stores.writer.scroll(None, 3) == ([], None)
