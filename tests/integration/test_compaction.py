"""Removed text leaves the disk, and nothing else does, whatever happens meanwhile."""

import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from llama_index.core.vector_stores.types import (
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
)

from corpus.errors import IndexUnavailable
from corpus.index.edge.compaction import compact
from corpus.index.edge.shards import EdgeShards
from corpus.index.edge.store import EdgeVectorStore
from tests.samples.index_nodes import DIMENSION, a_node

WORD = "xylophonist"
NODES = 100

# Compacts for ever; each time, first removes one node and says which before it goes on.
COMPACTOR = f"""
import itertools, sys, threading
from pathlib import Path
from corpus.index.edge.store import EdgeVectorStore
from tests.samples.index_nodes import a_node

store = EdgeVectorStore.open(Path(sys.argv[1]), {DIMENSION})
for ordinal in itertools.count(int(sys.argv[2])):
    store.delete_nodes([a_node(ordinal=ordinal).node_id])
    print(ordinal, flush=True)
    store.compact(threading.Event(), after_s=0)
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EdgeVectorStore]:
    store = EdgeVectorStore.open(tmp_path / "index", DIMENSION)
    store.add(
        [
            a_node(f"{WORD}{n}n of the text", [1.0, n / NODES, 0.0, 0.0], ordinal=n)
            for n in range(NODES)
        ]
    )
    yield store
    store.close()


def remove(store: EdgeVectorStore, *ordinals: int) -> None:
    store.delete_nodes([a_node(ordinal=ordinal).node_id for ordinal in ordinals])


def ordinals(store: EdgeVectorStore) -> set[int]:
    return {node.metadata["ordinal"] for node in store.get_nodes()}


def is_on_disk(folder: Path, text: str) -> bool:
    return any(text.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def now(store: EdgeVectorStore) -> bool:
    return store.compact(threading.Event(), after_s=0)


def test_removed_text_is_gone_from_every_file(store: EdgeVectorStore, tmp_path: Path) -> None:
    remove(store, 3)
    assert is_on_disk(tmp_path, f"{WORD}3n")  # else this test shows nothing
    assert now(store)
    assert not is_on_disk(tmp_path, f"{WORD}3n")
    assert is_on_disk(tmp_path, f"{WORD}4n")
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["index-2"]


def test_what_is_left_is_found_as_before(store: EdgeVectorStore) -> None:
    remove(store, 3)
    query = VectorStoreQuery(
        query_str=f"{WORD}7n",
        query_embedding=[1.0, 0.0, 0.0, 0.0],
        similarity_top_k=NODES,
        mode=VectorStoreQueryMode.HYBRID,
        filters=MetadataFilters(filters=[MetadataFilter(key="collection", value="filings")]),
    )
    before = store.query(query, with_embedding=True)
    assert now(store)
    after = store.query(query, with_embedding=True)
    assert after.nodes == before.nodes
    assert after.ids is not None
    assert len(after.ids) == NODES - 1
    assert store.document_counts() == {a_node().metadata["document_id"]: NODES - 1}


def test_it_is_there_after_closing_and_opening(store: EdgeVectorStore, tmp_path: Path) -> None:
    for ordinal in (3, 4):
        remove(store, ordinal)
        assert now(store)
    store.close()
    opened = EdgeVectorStore.open(tmp_path / "index", DIMENSION)
    assert ordinals(opened) == set(range(NODES)) - {3, 4}
    assert not now(opened)
    opened.close()


def test_without_removals_there_is_nothing_to_do(store: EdgeVectorStore) -> None:
    assert not now(store)
    store.delete_nodes([a_node(ordinal=NODES).node_id])  # matches nothing
    assert not now(store)


def test_it_waits_for_more_removals(store: EdgeVectorStore) -> None:
    remove(store, 3)
    assert not store.compact(threading.Event(), after_s=3600)


def test_a_removal_is_remembered_by_the_next_process(
    store: EdgeVectorStore, tmp_path: Path
) -> None:
    remove(store, 3)
    store.close()
    opened = EdgeVectorStore.open(tmp_path / "index", DIMENSION)
    assert now(opened)
    opened.close()


def test_an_index_of_an_older_release_is_compacted_once(
    store: EdgeVectorStore, tmp_path: Path
) -> None:
    store.close()
    (tmp_path / "index.current").unlink()
    opened = EdgeVectorStore.open(tmp_path / "index", DIMENSION)
    assert now(opened)
    assert not now(opened)
    assert opened.count() == NODES
    opened.close()


def test_stopped_it_changes_nothing(store: EdgeVectorStore, tmp_path: Path) -> None:
    remove(store, 3)
    stop = threading.Event()
    stop.set()
    assert not store.compact(stop, after_s=0)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["index"]
    assert store.count() == NODES - 1


@pytest.mark.parametrize("seed", range(5))
def test_writes_between_any_two_steps_are_in_the_copy(tmp_path: Path, seed: int) -> None:
    choose = random.Random(seed)
    shards = EdgeShards(tmp_path / "index", DIMENSION)
    store = EdgeVectorStore(shards, DIMENSION)
    store.add([a_node(f"old {n}", ordinal=n) for n in range(NODES)])
    remove(store, 0)
    texts = {n: f"old {n}" for n in range(1, NODES)}

    def write() -> None:
        ordinal = choose.randrange(2 * NODES)
        if choose.random() < 0.5:
            remove(store, ordinal)
            texts.pop(ordinal, None)
        else:
            texts[ordinal] = f"new {choose.random()}"
            store.add([a_node(texts[ordinal], ordinal=ordinal)])

    shards.begin_copy()
    offset = None
    while True:
        write()
        offset = shards.copy_some(offset)
        if offset is None:
            break
    write()
    shards.switch()()
    assert {n.metadata["ordinal"]: n.get_content() for n in store.get_nodes()} == texts
    store.close()


def test_a_closed_index_is_not_compacted(store: EdgeVectorStore) -> None:
    remove(store, 3)
    store.close()
    with pytest.raises(IndexUnavailable):
        now(store)


def test_closing_in_the_middle_leaves_the_old_index(tmp_path: Path) -> None:
    shards = EdgeShards(tmp_path / "index", DIMENSION)
    store = EdgeVectorStore(shards, DIMENSION)
    store.add([a_node(f"old {n}", ordinal=n) for n in range(NODES)])
    shards.begin_copy()
    shards.copy_some(None)
    store.close()
    with pytest.raises(IndexUnavailable):
        shards.copy_some(None)
    shards.abandon_copy()
    opened = EdgeVectorStore.open(tmp_path / "index", DIMENSION)
    assert opened.count() == NODES
    opened.close()


def test_searches_go_on_while_it_is_compacted(store: EdgeVectorStore) -> None:
    begun, done = threading.Event(), threading.Event()
    counts: list[int] = []

    def search() -> None:
        query = VectorStoreQuery(query_embedding=[1.0, 0.0, 0.0, 0.0], similarity_top_k=NODES)
        while not done.is_set():
            counts.append(len(store.query(query).ids or []))
            begun.set()

    remove(store, 3)
    searching = [threading.Thread(target=search) for _ in range(2)]
    for thread in searching:
        thread.start()
    begun.wait()
    for ordinal in (4, 5):
        assert now(store)
        remove(store, ordinal)
    done.set()
    for thread in searching:
        thread.join()
    assert set(counts) <= {NODES - 1, NODES - 2, NODES - 3}


def test_a_copy_that_is_not_complete_is_not_switched_to(tmp_path: Path) -> None:
    shards = EdgeShards(tmp_path / "index", DIMENSION)
    store = EdgeVectorStore(shards, DIMENSION)
    store.add([a_node(f"old {n}", ordinal=n) for n in range(NODES)])
    shards.begin_copy()
    shards.copy_some(None)
    with pytest.raises(IndexUnavailable, match="not complete"):
        shards.switch()
    shards.abandon_copy()
    assert store.count() == NODES
    assert compact(shards, threading.Event())
    assert store.count() == NODES
    store.close()


def test_killed_at_any_moment_no_node_is_lost_and_none_comes_back(tmp_path: Path) -> None:
    store = EdgeVectorStore.open(tmp_path / "index", DIMENSION)
    store.add([a_node(f"text {n}", ordinal=n) for n in range(2000)])
    store.close()
    removed = -1
    for round_ in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", COMPACTOR, str(tmp_path / "index"), str(removed + 1)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        removed = int(process.stdout.readline())
        threading.Event().wait(0.15 * round_)  # so that it is killed in different places
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate()
        removed = max([removed, *(int(line) for line in rest.splitlines())])
        store = EdgeVectorStore.open(tmp_path / "index", DIMENSION)
        found = ordinals(store)
        store.close()
        # One more may be gone than it had the time to say.
        assert found in (set(range(removed + 1, 2000)), set(range(removed + 2, 2000)))
        assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 1
