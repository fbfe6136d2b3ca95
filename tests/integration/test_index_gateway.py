"""The pipe between a worker and the owner of the index: errors, and ends of either side."""

import threading
from collections.abc import Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from llama_index.core.vector_stores.types import VectorStoreQuery

from corpus.errors import IndexUnavailable, InvalidFilter, LecternError
from corpus.index.edge.store import EdgeVectorStore
from corpus.index.gateway import GatewayVectorStore, serve_index
from corpus.index.wire import decode, encode, value_or_raise
from tests.samples.index_nodes import DIMENSION, a_node


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[EdgeVectorStore]:
    store = EdgeVectorStore.open(tmp_path / "index", DIMENSION)
    yield store
    store.close()


@pytest.fixture
def worker_end(edge: EdgeVectorStore) -> Iterator[Connection]:
    ours, theirs = Pipe()
    serving = threading.Thread(target=serve_index, args=(edge, ours))
    serving.start()
    yield theirs
    theirs.close()
    serving.join()


def ask(connection: Connection, request: bytes) -> object:
    connection.send_bytes(request)
    return value_or_raise(decode(connection.recv_bytes())[0])


def test_an_error_of_the_store_is_the_same_error_in_the_worker(worker_end: Connection) -> None:
    gateway = GatewayVectorStore(worker_end)
    with pytest.raises(InvalidFilter, match="which nodes") as refusal:
        gateway.delete_nodes()
    assert refusal.value.hint == InvalidFilter.default_hint
    assert gateway.count() == 0


@pytest.mark.parametrize(
    ("request_bytes", "error"),
    [
        (b"", IndexUnavailable),
        (b"\x00\x00\x00\x05hello", IndexUnavailable),
        (encode({"op": "drop everything"}), IndexUnavailable),
        (encode({"op": "add", "points": [["id", 16, [], [], {}]]}, b"four"), IndexUnavailable),
        (
            encode({"op": "add", "points": [["not a uuid", 16, [], [], {}]]}, b"\0" * 16),
            LecternError,
        ),
        (encode({}), LecternError),
    ],
)
def test_a_request_that_makes_no_sense_is_an_answer_not_the_end(
    worker_end: Connection, request_bytes: bytes, error: type[LecternError]
) -> None:
    with pytest.raises(error):
        ask(worker_end, request_bytes)
    assert ask(worker_end, encode({"op": "count", "filters": None})) == 0


def test_the_worker_learns_that_the_owner_is_gone() -> None:
    ours, theirs = Pipe()
    gateway = GatewayVectorStore(theirs)
    ours.close()
    with pytest.raises(IndexUnavailable, match="gone"):
        gateway.add([a_node()])


def test_the_owner_goes_on_when_a_worker_dies(edge: EdgeVectorStore) -> None:
    ours, theirs = Pipe()
    serving = threading.Thread(target=serve_index, args=(edge, ours))
    serving.start()
    GatewayVectorStore(theirs).add([a_node()])
    theirs.close()
    serving.join(timeout=30)
    assert not serving.is_alive()
    assert edge.count() == 1


def test_several_threads_may_share_a_gateway(worker_end: Connection, edge: EdgeVectorStore) -> None:
    gateway = GatewayVectorStore(worker_end)
    threads = [
        threading.Thread(
            target=gateway.add,
            args=([a_node(ordinal=n) for n in range(start, start + 100)],),
        )
        for start in (0, 100, 200)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert edge.count() == 300


def test_a_gateway_does_not_search(worker_end: Connection) -> None:
    gateway = GatewayVectorStore(worker_end)
    with pytest.raises(NotImplementedError):
        gateway.query(VectorStoreQuery(query_embedding=[1.0] * DIMENSION))
    with pytest.raises(NotImplementedError):
        gateway.get_nodes()
