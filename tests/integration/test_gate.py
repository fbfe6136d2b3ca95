"""The way by which commands read the index of a running server."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from corpus.errors import IndexUnavailable
from corpus.index.edge.store import EdgeVectorStore
from corpus.index.gateway import MOST_POINTS
from corpus.index.wire import encode
from lectern.server.gate import gate_open, through_the_gate
from tests.samples.index_nodes import DIMENSION, a_node

FINGERPRINT = {"model": "four numbers", "dimension": DIMENSION, "chunker_version": 3}


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
    with gate_open(data_dir, edge, FINGERPRINT):
        for _ in range(2):
            with through_the_gate(data_dir, FINGERPRINT) as seen:
                assert seen.scroll(None, 9) == edge.scroll(None, 9)
    with (
        pytest.raises(IndexUnavailable, match="does not give access"),
        through_the_gate(data_dir, FINGERPRINT),
    ):
        pass
    assert [*data_dir.iterdir()] == []


def test_nothing_is_written_through_it(edge: EdgeVectorStore, tmp_path: Path) -> None:
    with gate_open(tmp_path, edge, FINGERPRINT), through_the_gate(tmp_path, FINGERPRINT) as seen:
        with pytest.raises(IndexUnavailable, match="reading only"):
            seen.add([a_node(ordinal=1)])
        with pytest.raises(IndexUnavailable, match="reading only"):
            seen.delete_nodes([a_node().node_id])
        assert seen.count() == 1


def test_only_its_owner_may_enter(edge: EdgeVectorStore, tmp_path: Path) -> None:
    with gate_open(tmp_path, edge, FINGERPRINT):
        assert (tmp_path / "gate.sock").stat().st_mode & 0o777 == 0o600


def test_vectors_that_are_embedded_otherwise_are_not_given_out(
    edge: EdgeVectorStore, tmp_path: Path
) -> None:
    others = {**FINGERPRINT, "model": "another"}
    with gate_open(tmp_path, edge, others):
        with (
            pytest.raises(IndexUnavailable, match="another instead of four numbers"),
            through_the_gate(tmp_path, FINGERPRINT),
        ):
            pass
        # Other chunks are comparable.
        with through_the_gate(tmp_path, {**others, "chunker_version": 4}) as seen:
            assert seen.count() == 1


def test_who_asks_for_all_gets_it_a_part_at_a_time(edge: EdgeVectorStore, tmp_path: Path) -> None:
    edge.add([a_node(ordinal=number) for number in range(MOST_POINTS + 9)])
    with (
        gate_open(tmp_path, edge, FINGERPRINT),
        through_the_gate(tmp_path, FINGERPRINT) as seen,
    ):
        points, after = seen.scroll(None, 1_000_000)
        assert len(points) == MOST_POINTS
        assert len(seen.scroll(after, 1_000_000)[0]) == 9
        with pytest.raises(IndexUnavailable, match="at a time"):
            seen.stored_embeddings([point.id for point in points] * 2)


@pytest.mark.parametrize("does", ["is silent", "does not read", "says too much", "says half"])
def test_a_command_that_hangs_keeps_others_out_for_a_moment_only(
    edge: EdgeVectorStore, tmp_path: Path, does: str
) -> None:
    edge.add([a_node("word " * 500, ordinal=number) for number in range(MOST_POINTS)])
    with (
        gate_open(tmp_path, edge, FINGERPRINT, patience_s=0.5),
        socket.socket(socket.AF_UNIX) as hanging,
    ):
        hanging.connect((tmp_path / "index-gate").read_text())
        with Connection(hanging.detach()) as command:
            if does == "does not read":
                request = encode({"op": "scroll", "after": None, "limit": MOST_POINTS})
                for _ in range(9):
                    command.send_bytes(request)
            elif does == "says too much":
                with pytest.raises(OSError, match=r"Broken pipe|reset"):
                    command.send_bytes(b"x" * (8 << 20))
            elif does == "says half":
                command._send(b"\0\0\0\x09half")  # type: ignore[attr-defined]
            with through_the_gate(tmp_path, FINGERPRINT) as seen:
                assert seen.count() == MOST_POINTS
