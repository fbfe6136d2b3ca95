"""The way by which commands read the index of a running server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from corpus.errors import IndexUnavailable
from corpus.index.edge.store import EdgeVectorStore
from lectern.server.gate import gate_open, through_the_gate
from tests.samples.index_nodes import DIMENSION, a_node


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[EdgeVectorStore]:
    store = EdgeVectorStore.open(tmp_path / "index", DIMENSION)
    store.add([a_node()])
    yield store
    store.close()


@pytest.mark.parametrize("name", ["data", "a-folder-with-a-long-name" * 6])
def test_points_are_read_one_command_after_the_other(
    edge: EdgeVectorStore, tmp_path: Path, name: str
) -> None:
    data_dir = tmp_path / name
    data_dir.mkdir()
    with gate_open(data_dir, edge):
        for _ in range(2):
            with through_the_gate(data_dir) as seen:
                assert seen.scroll(None, 9) == edge.scroll(None, 9)
    with pytest.raises(IndexUnavailable, match="does not give access"), through_the_gate(data_dir):
        pass
    assert [*data_dir.iterdir()] == []


def test_nothing_is_written_through_it(edge: EdgeVectorStore, tmp_path: Path) -> None:
    with gate_open(tmp_path, edge), through_the_gate(tmp_path) as seen:
        with pytest.raises(IndexUnavailable, match="reading only"):
            seen.add([a_node(ordinal=1)])
        with pytest.raises(IndexUnavailable, match="reading only"):
            seen.delete_nodes([a_node().node_id])
        assert seen.count() == 1


def test_only_its_owner_may_enter(edge: EdgeVectorStore, tmp_path: Path) -> None:
    with gate_open(tmp_path, edge):
        assert (tmp_path / "gate.sock").stat().st_mode & 0o777 == 0o600
