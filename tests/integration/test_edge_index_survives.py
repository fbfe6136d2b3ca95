"""The Edge index against processes: killed, second, and many threads at once."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from llama_index.core.vector_stores.types import VectorStoreQuery

from corpus.errors import DataDirInUse, EmbeddingMismatch, IndexUnavailable
from corpus.index.edge.store import EdgeVectorStore
from tests.samples.index_nodes import DIMENSION, a_node

# Adds batches for ever, and says after each how many nodes it was told are stored.
WRITER = f"""
import itertools, sys
from pathlib import Path
from corpus.index.edge.store import EdgeVectorStore
from tests.samples.index_nodes import a_node

store = EdgeVectorStore.open(Path(sys.argv[1]), {DIMENSION})
for batch in itertools.count():
    store.add([a_node(f"text {{n}}", ordinal=n) for n in range(batch * 10, batch * 10 + 10)])
    print((batch + 1) * 10, flush=True)
"""


def start_writer(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True
    )


def stop(process: subprocess.Popen[str], how: signal.Signals) -> list[int]:
    process.send_signal(how)
    rest, _ = process.communicate()
    return [int(line) for line in rest.splitlines()]


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    acknowledged = 0
    for _ in range(3):
        writer = start_writer(tmp_path / "index")
        assert writer.stdout is not None
        for _ in range(15):
            acknowledged = max(acknowledged, int(writer.stdout.readline()))
        acknowledged = max([acknowledged, *stop(writer, signal.SIGKILL)])
        store = EdgeVectorStore.open(tmp_path / "index", DIMENSION)
        stored = {node.metadata["ordinal"] for node in store.get_nodes()}
        assert set(range(acknowledged)) <= stored
        assert store.count() == len(stored)
        store.close()


def test_a_second_process_is_refused_and_told_who_holds_the_index(tmp_path: Path) -> None:
    writer = start_writer(tmp_path / "index")
    assert writer.stdout is not None
    writer.stdout.readline()
    with pytest.raises(DataDirInUse, match=f"process {writer.pid}") as refusal:
        EdgeVectorStore.open(tmp_path / "index", DIMENSION)
    assert "LECTERN_DATA_DIR" in refusal.value.hint
    stop(writer, signal.SIGKILL)
    EdgeVectorStore.open(tmp_path / "index", DIMENSION).close()


def test_an_index_is_the_same_after_closing_and_opening(tmp_path: Path) -> None:
    store = EdgeVectorStore.open(tmp_path / "index", DIMENSION)
    node = a_node("kept")
    store.add([node])
    store.close()
    store.close()
    assert (tmp_path / "index.pid").read_text() == f"{os.getpid()}\n"
    opened = EdgeVectorStore.open(tmp_path / "index", DIMENSION)
    assert [found.node_id for found in opened.get_nodes()] == [node.node_id]
    opened.close()


def test_a_closed_index_says_so(tmp_path: Path) -> None:
    store = EdgeVectorStore.open(tmp_path / "index", DIMENSION)
    store.close()
    uses: list[Callable[[], object]] = [
        store.count,
        store.get_nodes,
        store.clear,
        lambda: store.add([a_node()]),
        lambda: store.query(VectorStoreQuery(query_embedding=[1.0] * DIMENSION)),
    ]
    for use in uses:
        with pytest.raises(IndexUnavailable, match="closed"):
            use()


def test_an_index_of_another_dimension_is_refused(tmp_path: Path) -> None:
    EdgeVectorStore.open(tmp_path / "index", DIMENSION).close()
    with pytest.raises(EmbeddingMismatch, match="8 dimensions"):
        EdgeVectorStore.open(tmp_path / "index", 8)


def test_an_error_inside_the_engine_is_ours(tmp_path: Path) -> None:
    store = EdgeVectorStore.open(tmp_path / "index", DIMENSION)
    with pytest.raises(IndexUnavailable, match="dimension"):
        store.query(VectorStoreQuery(query_embedding=[1.0]))
    store.close()


def test_a_damaged_folder_is_reported_as_such(tmp_path: Path) -> None:
    EdgeVectorStore.open(tmp_path / "index", DIMENSION).close()
    for state in (tmp_path / "index" / "segments").glob("*/segment.json"):
        state.write_text("{")
    with pytest.raises(IndexUnavailable, match="cannot be opened"):
        EdgeVectorStore.open(tmp_path / "index", DIMENSION)


def test_threads_may_write_and_search_at_once(tmp_path: Path) -> None:
    store = EdgeVectorStore.open(tmp_path / "index", DIMENSION)
    store.add([a_node("there from the start", ordinal=0)])
    failures: list[BaseException] = []
    searched = threading.Barrier(5)

    def write(writer: int) -> None:
        searched.wait()
        for ordinal in range(writer * 100, writer * 100 + 100):
            store.add([a_node("later", [0.0, 1.0, 0.0, 0.0], ordinal=ordinal)])

    def search() -> None:
        searched.wait()
        for _ in range(100):
            found = store.query(VectorStoreQuery(query_embedding=[1.0, 0.0, 0.0, 0.0]))
            assert [node.get_content() for node in found.nodes or []] == ["there from the start"]

    def noting(work: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                work()
            except BaseException as failure:
                failures.append(failure)
                raise

        return run

    work = [lambda: write(1), lambda: write(2), search, search, search]
    threads = [threading.Thread(target=noting(one)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert store.count() == 201
    store.close()
