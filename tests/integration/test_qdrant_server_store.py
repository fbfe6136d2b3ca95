"""The store on a server that is busy, away, made differently, or met by several at once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest
from llama_index.core.vector_stores.types import VectorStoreQuery, VectorStoreQueryMode
from qdrant_client.http.models import UpdateStatus

from corpus.errors import IndexRefused, IndexUnavailable
from corpus.index.layout import PAYLOAD_INDEXES
from corpus.index.selections import of_version_beyond
from corpus.index.server.clearing import clear_collection
from corpus.index.server.collection import CollectionLayout, Quantization, is_too_old
from corpus.index.server.connection import Limits, ServerAddress
from corpus.index.server.store import COUNTED_DOCUMENTS, ServerVectorStore
from tests.doubles.cut_proxy import CutProxy
from tests.doubles.qdrant_over_http import Call, QdrantOverHttp, Refusal
from tests.installations import an_installation
from tests.samples.index_nodes import DIMENSION, a_node

NAME = "lectern-abc"
TOWARDS_X = [1.0, 0.0, 0.0, 0.0]
CLUSTER = CollectionLayout(
    shards=3, replicas=2, write_consistency=2, on_disk=True, quantization="scalar"
)


@pytest.fixture
def double() -> Iterator[QdrantOverHttp]:
    with QdrantOverHttp() as started:
        yield started


@pytest.fixture
def store(double: QdrantOverHttp) -> Iterator[ServerVectorStore]:
    with closing(a_store(double.url)) as opened:
        opened.prepare()
        yield opened


def a_store(url: str, layout: CollectionLayout | None = None, **more: Any) -> ServerVectorStore:  # noqa: ANN401
    address = ServerAddress(url, **more)
    layout = layout or CollectionLayout()
    return ServerVectorStore(address, NAME, DIMENSION, an_installation(), layout=layout)


def asked(double: QdrantOverHttp, route: str) -> list[Call]:
    return [call for call in double.calls if call.route == "/collections/{name}" + route]


def a_question(mode: VectorStoreQueryMode = VectorStoreQueryMode.HYBRID) -> VectorStoreQuery:
    return VectorStoreQuery(
        query_str="revenue", query_embedding=TOWARDS_X, similarity_top_k=10, mode=mode
    )


class TestMaking:
    def test_a_new_collection_is_made_as_the_settings_say(self, double: QdrantOverHttp) -> None:
        with closing(a_store(double.url, CLUSTER)) as store:
            store.prepare()
        made = double.created[NAME].model_dump(mode="json", exclude_none=True)
        assert made["shard_number"] == 3
        assert made["replication_factor"] == made["write_consistency_factor"] == 2
        assert made["on_disk_payload"] is True
        assert made["vectors"] == {"text-dense": {"size": 4, "distance": "Cosine", "on_disk": True}}
        sparse = {"modifier": "idf", "index": {"on_disk": True}}
        assert made["sparse_vectors"] == {"text-sparse-new": sparse}
        scalar = {"type": "int8", "always_ram": True}
        assert made["quantization_config"] == {"scalar": scalar}

    def test_what_is_not_set_is_left_to_the_server(
        self, store: ServerVectorStore, double: QdrantOverHttp
    ) -> None:
        made = double.created[NAME].model_dump(exclude_none=True)
        cluster = {"shard_number", "replication_factor", "write_consistency_factor"}
        assert not made.keys() & {*cluster, "on_disk_payload", "quantization_config"}

    def test_every_field_that_filters_ask_for_is_indexed_and_the_collection_is_the_tenant(
        self, store: ServerVectorStore, double: QdrantOverHttp
    ) -> None:
        assert double.indexes[NAME].keys() == PAYLOAD_INDEXES.keys()
        kinds = {field: index.data_type.value for field, index in double.indexes[NAME].items()}
        assert kinds == PAYLOAD_INDEXES
        tenant = double.indexes[NAME]["collection"].params
        assert tenant is not None
        assert tenant.model_dump(exclude_none=True)["is_tenant"] is True

    def test_a_collection_that_is_there_is_neither_made_nor_indexed_again(
        self, store: ServerVectorStore, double: QdrantOverHttp
    ) -> None:
        double.calls.clear()
        with closing(a_store(double.url)) as another:
            another.prepare()
            assert another.count() == 0
        assert {call.method for call in double.calls} == {"GET", "POST"}

    def test_an_index_that_is_missing_is_added(
        self, store: ServerVectorStore, double: QdrantOverHttp
    ) -> None:
        del double.indexes[NAME]["page"]
        with closing(a_store(double.url)) as another:
            another.prepare()
        assert double.indexes[NAME].keys() == PAYLOAD_INDEXES.keys()

    def test_a_collection_of_before_takes_every_filter_once_it_is_prepared(
        self, store: ServerVectorStore, double: QdrantOverHttp
    ) -> None:
        store.add([a_node(ordinal=0), a_node("left behind", ordinal=1)])
        del double.indexes[NAME]["ordinal"]
        beyond = of_version_beyond(a_node().metadata["document_id"], 1, 1)
        with pytest.raises(IndexUnavailable, match='Index required but not found for "ordinal"'):
            store.delete_nodes(filters=beyond)
        with closing(a_store(double.url)) as another:
            another.delete_nodes(filters=beyond)
            assert [node.get_content() for node in another.get_nodes()] == [a_node().get_content()]

    def test_many_at_once_make_it_once(self, double: QdrantOverHttp) -> None:
        stores = [a_store(double.url) for _ in range(8)]
        begin = threading.Barrier(len(stores))
        failed = []

        def prepare(store: ServerVectorStore) -> None:
            begin.wait()
            try:
                store.prepare()
            except IndexUnavailable as error:
                failed.append(error)

        threads = [threading.Thread(target=prepare, args=(store,)) for store in stores]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        assert double.indexes[NAME].keys() == PAYLOAD_INDEXES.keys()
        for store in stores:
            store.close()

    def test_who_is_too_late_waits_until_the_shards_are_there(self, double: QdrantOverHttp) -> None:
        with closing(a_store(double.url)) as store:
            store.prepare()
        # As Qdrant 1.16 was seen to answer: made by another meanwhile, and not readable yet.
        double.refuse(
            Refusal(404, error="Not found: Collection `lectern-abc` doesn't exist!"),
            Refusal(409, error="Wrong input: Collection `lectern-abc` already exists!"),
            Refusal(500, error="Service internal error: 0 of 0 read operations failed"),
        )
        with closing(a_store(double.url)) as late:
            late.prepare()
            assert late.count() == 0


class TestDifferences:
    def test_they_are_said_and_nothing_is_changed(
        self, store: ServerVectorStore, double: QdrantOverHttp, caplog: pytest.LogCaptureFixture
    ) -> None:
        before = double.created[NAME]
        with closing(a_store(double.url, CLUSTER)) as another:
            another.prepare()
        for setting in ("SHARDS", "REPLICAS", "WRITE_CONSISTENCY", "ON_DISK", "QUANTIZATION"):
            assert f"LECTERN_QDRANT_{setting}" in caplog.text
        assert "shard_number 1, and LECTERN_QDRANT_SHARDS says 3" in caplog.text
        assert double.created[NAME] is before
        assert not {call.method for call in double.calls} & {"PATCH", "DELETE"}

    @pytest.mark.parametrize("layout", [CollectionLayout(), CLUSTER], ids=["plain", "cluster"])
    def test_of_what_is_as_it_should_be_nothing_is_said(
        self, double: QdrantOverHttp, layout: CollectionLayout, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.WARNING, logger="corpus")
        for _ in range(2):
            with closing(a_store(double.url, layout)) as store:
                store.prepare()
        assert caplog.records == []

    def test_one_replica_in_a_cluster_is_told_of_unless_it_was_asked_for(
        self, store: ServerVectorStore, double: QdrantOverHttp, caplog: pytest.LogCaptureFixture
    ) -> None:
        double.peers = 3
        with closing(a_store(double.url, CollectionLayout(replicas=1))) as deliberate:
            deliberate.prepare()
        assert caplog.text == ""
        with closing(a_store(double.url)) as another:
            another.prepare()
        assert "one replica of each shard in a cluster of 3" in caplog.text

    def test_who_may_not_ask_for_the_cluster_hears_nothing_of_it(
        self, store: ServerVectorStore, double: QdrantOverHttp, caplog: pytest.LogCaptureFixture
    ) -> None:
        double.forbidden.add("/cluster")
        double.peers = 3
        with closing(a_store(double.url)) as another:
            another.prepare()
            assert another.add([a_node()])
        assert caplog.text == ""

    def test_an_old_server_is_named(
        self, double: QdrantOverHttp, caplog: pytest.LogCaptureFixture
    ) -> None:
        double.version = "1.18.3"
        with closing(a_store(double.url)) as store:
            store.prepare()
        assert "Qdrant 1.18.3 is older than 1.19" in caplog.text

    @pytest.mark.parametrize(
        ("version", "expected"),
        [
            ("1.18.9", True),
            ("1.19.0", False),
            ("1.20.0-dev", False),
            ("2.0.0", False),
            ("x", False),
        ],
    )
    def test_versions_are_compared_as_numbers(self, version: str, *, expected: bool) -> None:
        assert is_too_old(version) is expected


class TestPatience:
    @pytest.mark.parametrize("status", [0, 408, 429, 500, 502, 503, 504])
    def test_a_call_is_made_again_when_the_server_is_busy_or_hangs_up(
        self, store: ServerVectorStore, double: QdrantOverHttp, status: int
    ) -> None:
        double.refuse(Refusal(status), Refusal(status))
        store.add([a_node()])
        double.refuse(Refusal(status))
        assert len(store.query(a_question()).nodes or []) == 1
        assert store.count() == 1

    @pytest.mark.parametrize("status", [429, 503])
    def test_who_is_always_refused_is_told_to_wait(
        self, store: ServerVectorStore, double: QdrantOverHttp, status: int
    ) -> None:
        double.refuse(*[Refusal(status, {"Retry-After": "0"})] * 4)
        with pytest.raises(IndexUnavailable) as raised:
            store.count()
        assert "try again in a moment" in raised.value.hint
        assert store.count() == 0

    def test_no_longer_than_there_is_time(
        self, store: ServerVectorStore, double: QdrantOverHttp
    ) -> None:
        double.refuse(Refusal(429, {"Retry-After": "3600"}))
        with pytest.raises(IndexUnavailable, match="too much to do"):
            store.count()

    @pytest.mark.parametrize("status", [400, 413, 422])
    def test_what_is_wrong_is_not_asked_again(
        self, store: ServerVectorStore, double: QdrantOverHttp, status: int
    ) -> None:
        double.refuse(Refusal(status, error="Wrong input: no"))
        with pytest.raises(IndexRefused, match=f"{status} Wrong input: no"):
            store.count()
        assert len(asked(double, "/points/count")) == 0

    @pytest.mark.parametrize(
        ("status", "said", "hint"),
        [
            (403, "Storage locked: maintenance", "locked for writing"),
            (403, "Forbidden: Only read-only access is allowed", "right to read and write"),
            (404, "Not found: Collection `lectern-abc` doesn't exist!", "Try again in a moment"),
            (507, "Insufficient storage: disk usage is at 96%", "raise Qdrant's quota"),
        ],
    )
    def test_what_an_operator_can_mend_is_waited_for_and_says_how(
        self, store: ServerVectorStore, double: QdrantOverHttp, status: int, said: str, hint: str
    ) -> None:
        double.refuse(Refusal(status, error=said))
        with pytest.raises(IndexUnavailable, match=said) as raised:
            store.count()
        assert not isinstance(raised.value, IndexRefused)
        assert hint in raised.value.hint

    def test_a_reply_that_breaks_off_is_asked_for_again(self, double: QdrantOverHttp) -> None:
        port = int(double.url.rpartition(":")[2])
        with CutProxy(port) as proxy, closing(a_store(proxy.url)) as store:
            store.add([a_node(f"revenue {n}", ordinal=n) for n in range(3)])
            proxy.cut_in_mid_response(0, 100)
            assert len(store.query(a_question()).nodes or []) == 3
            proxy.cut_in_mid_response(20)
            store.add([a_node("revenue 0", ordinal=0)])
            assert proxy.cuts == 3
            assert store.count() == 3

    def test_a_server_that_says_nothing_is_given_up(self, double: QdrantOverHttp) -> None:
        port = int(double.url.rpartition(":")[2])
        limits = Limits(read_s=0.5, write_s=0.5)
        with CutProxy(port) as proxy, closing(a_store(proxy.url, limits=limits)) as store:
            store.prepare()
            proxy.delay(30)
            with pytest.raises(IndexUnavailable, match="does not answer"):
                store.count()
            with pytest.raises(IndexUnavailable, match="does not answer"):
                store.ping()

    def test_what_is_away_at_first_is_used_once_it_is_there(self, double: QdrantOverHttp) -> None:
        port = int(double.url.rpartition(":")[2])
        with CutProxy(port) as proxy, closing(a_store(proxy.url)) as store:
            proxy.refuse()
            with pytest.raises(IndexUnavailable):
                store.ping()
            assert NAME not in double.created
            proxy.pass_on()
            store.ping()
            assert NAME in double.created
            assert store.add([a_node()])

    def test_a_collection_that_was_deleted_is_not_made_again_meanwhile(
        self, store: ServerVectorStore, double: QdrantOverHttp
    ) -> None:
        double.created.clear()
        for call in (store.ping, store.count):
            with pytest.raises(IndexUnavailable, match="doesn't exist"):
                call()
        assert double.created == {}


class TestChanges:
    @pytest.mark.parametrize("status", [UpdateStatus.ACKNOWLEDGED, UpdateStatus.WAIT_TIMEOUT])
    def test_one_that_is_only_noted_is_none(
        self, store: ServerVectorStore, double: QdrantOverHttp, status: UpdateStatus
    ) -> None:
        store.add([a_node()])
        double.update_status = status
        for change in (
            lambda: store.add([a_node()]),
            lambda: store.delete_nodes([a_node().node_id]),
            lambda: clear_collection(
                ServerAddress(double.url), "abc", ["d"], owner=an_installation().id
            ),
        ):
            with pytest.raises(IndexUnavailable, match=status.value) as raised:
                change()
            assert "try again in a moment" in raised.value.hint


class TestKey:
    def test_a_wrong_key_is_named(self) -> None:
        with QdrantOverHttp(api_key="right") as double:
            for key in (None, "wrong"):
                with (
                    closing(a_store(double.url, api_key=key)) as store,
                    pytest.raises(IndexUnavailable) as raised,
                ):
                    store.prepare()
                assert "QDRANT_API_KEY" in raised.value.hint
            with closing(a_store(double.url, api_key="right")) as store:
                store.prepare()

    def test_it_is_not_shown(self) -> None:
        assert "secret" not in repr(ServerAddress("http://localhost", "secret"))


class TestAsking:
    def test_reads_tell_the_server_how_long_they_wait_and_writes_that_they_do(
        self, store: ServerVectorStore, double: QdrantOverHttp
    ) -> None:
        store.add([a_node()])
        store.query(a_question())
        store.get_nodes()
        store.document_counts()
        store.count_roughly()
        store.delete_nodes([])
        counted = "/points/count"
        for route in ("/points/query/batch", "/points", "/points/scroll", "/facet", counted):
            reads = [call for call in asked(double, route) if call.method == "POST"]
            assert [call.parameters["timeout"] for call in reads] == ["10"] * len(reads)
            assert reads
        [written] = [call for call in asked(double, "/points") if call.method == "PUT"]
        [deleted] = asked(double, "/points/delete")
        assert [call.body["exact"] for call in asked(double, counted)] == [False]
        assert written.parameters["wait"] == deleted.parameters["wait"] == "true"

    def test_nodes_are_counted_of_so_many_documents_as_the_server_counts_in_time(
        self, store: ServerVectorStore, double: QdrantOverHttp
    ) -> None:
        documents = [str(uuid4()) for _ in range(COUNTED_DOCUMENTS + 1)]
        store.add([a_node(document_id=document_id) for document_id in documents])
        assert store.document_counts() == dict.fromkeys(documents, 1)
        exact = [call.body for call in asked(double, "/facet") if call.body["exact"]]
        assert [body["limit"] for body in exact] == [COUNTED_DOCUMENTS, 1]
        of = [body["filter"]["must"][0]["match"]["any"] for body in exact]
        assert sorted(of[0] + of[1]) == sorted(documents)

    @pytest.mark.parametrize(("kind", "oversampling"), [("scalar", 1.0), ("binary", 3.0)])
    def test_the_best_by_quantised_vectors_are_compared_exactly(
        self,
        double: QdrantOverHttp,
        kind: Quantization,
        oversampling: float,
    ) -> None:
        with closing(a_store(double.url, CollectionLayout(quantization=kind))) as store:
            store.add([a_node()])
            assert len(store.query(a_question()).nodes or []) == 1
        [dense, sparse] = asked(double, "/points/query/batch")[0].body["searches"]
        exactly = {"rescore": True, "oversampling": oversampling}
        assert dense["params"]["quantization"] == exactly
        assert "params" not in sparse

    def test_a_thousand_nodes_take_a_request_for_every_64(
        self, store: ServerVectorStore, double: QdrantOverHttp
    ) -> None:
        store.add([a_node(f"text {n}", ordinal=n) for n in range(1000)])
        assert double.counted()["PUT", "/collections/{name}/points"] == 16
