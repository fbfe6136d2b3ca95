"""Unchanged chunks keep their embeddings: nothing is embedded twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from corpus.access import UNRESTRICTED
from corpus.deletion import delete_document
from corpus.index.edge.store import EdgeVectorStore
from corpus.originals.folder import FolderOriginals
from corpus.registry.database.engine import open_sqlite_registry
from corpus.values import Document
from tests.integration.test_worker_outcomes import DIMENSION, World, stop_when_final

CHUNKS = 150


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    registry = open_sqlite_registry(tmp_path / "registry.sqlite")
    store = EdgeVectorStore.open(tmp_path / "index", DIMENSION)
    yield World(tmp_path, registry, FolderOriginals(tmp_path / "originals"), store)
    store.close()
    registry.close()


def ingest(world: World, text: str, external_id: str | None = None) -> Document:
    document = world.upload(text, external_id)
    stop_when_final(world, document.id)
    world.work(lambda _batch: None)
    return world.document(document.id)


def test_of_a_new_version_only_what_changed_is_embedded(world: World) -> None:
    first = ingest(world, "Ships sail", "x")
    assert (first.chunks, first.chunks_reused) == (CHUNKS, 0)
    assert len(world.embedded) == CHUNKS
    second = ingest(world, "Ships sail|7=Boats row|100=Rafts drift", "x")
    assert (second.version, second.chunks, second.chunks_reused) == (2, CHUNKS, CHUNKS - 2)
    assert [text.split()[-5:-3] for text in world.embedded] == [
        ["Boats", "row"],
        ["Rafts", "drift"],
    ]
    nodes = world.store.get_nodes()
    assert {node.metadata["version"] for node in nodes} == {2}
    vectors = world.store.stored_embeddings([node.node_id for node in nodes])
    assert len(vectors) == CHUNKS
    assert all(stored.dense for stored in vectors.values())


def test_the_same_bytes_under_two_external_ids_share_their_embeddings(world: World) -> None:
    ingest(world, "Ships sail", "one")
    twin = ingest(world, "Ships sail", "two")
    assert twin.chunks_reused == CHUNKS
    assert world.embedded == []
    assert world.store.count(None) == 2 * CHUNKS


def test_a_donor_deleted_in_the_middle_costs_only_the_work(world: World) -> None:
    donor = ingest(world, "Ships sail", "one")
    twin = world.upload("Ships sail|1=Boats row", "one")
    stop_when_final(world, twin.id)

    def clear_index(batch: int) -> None:
        if batch == 1:
            world.store.delete(donor.id)

    # Page 1 is in the first batch; the donor goes before anything was written.
    world.work(clear_index)
    final = world.document(twin.id)
    assert final.chunks == world.store.count(None) == CHUNKS
    assert final.chunks_reused + len(world.embedded) == CHUNKS
    assert len(world.embedded) > 1


def test_a_twin_that_is_deleted_lends_nothing(world: World) -> None:
    donor = ingest(world, "Ships sail", "one")
    delete_document(world.registry, world.originals, world.store, donor.id, UNRESTRICTED)
    twin = ingest(world, "Ships sail", "two")
    assert twin.chunks_reused == 0


def test_a_worker_that_follows_a_dead_one_embeds_only_what_that_one_did_not(world: World) -> None:
    document = world.upload("Ships sail")

    def die(batch: int) -> None:
        if batch == 3:
            raise RuntimeError("a bug of ours")

    stop_when_final(world, document.id)
    world.work(die, max_attempts=2)
    final = world.document(document.id)
    assert final.chunks_reused == 128
    assert world.store.count(None) == CHUNKS
