"""Reindexing on shared stores: Postgres, the Qdrant double, an embedding endpoint.

What goes on beside a build is done from `tell`, which is called while it is under way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr
from rich.console import Console
from sqlalchemy import update

from corpus.access import UNRESTRICTED
from corpus.deletion import delete_document
from corpus.embedding.fingerprint import EmbeddingFingerprint
from corpus.embedding.open import open_embedding
from corpus.errors import (
    EmbeddingMismatch,
    EmbeddingUnavailable,
    IndexUnavailable,
    Misconfigured,
)
from corpus.index.selections import of_versions_before
from corpus.index.server.connection import ServerAddress
from corpus.index.server.store import ServerVectorStore
from corpus.originals.folder import FolderOriginals
from corpus.registry.database.engine import Registry
from corpus.registry.documents import find_document
from corpus.registry.fingerprints import hold_fingerprint, stored_fingerprint
from corpus.registry.indexes import KEPT, IndexState, known_indexes, rest_index, see_index
from corpus.registry.installation import this_installation
from corpus.registry.leases import claim_next
from corpus.registry.new_versions import Content
from corpus.registry.schema import indexes
from corpus.registry.uploads import Upload, accept_upload
from corpus.registry.versions import complete_version
from corpus.registry.workers import beat, leave
from corpus.settings import Settings
from corpus.values import Coverage, PageText, Status
from lectern.commands.backing_up import make_backup
from lectern.commands.putting_back import restore_backup
from lectern.server.embedding_anew import PAGE_POINTS
from lectern.server.old_indexes import clear_expired
from lectern.server.reconciler import reconciled
from lectern.server.registered import RegisteredIndex
from lectern.server.reindexing import Outcome, Reindexed, reindex
from lectern.server.starting import begin_embedding
from tests.doubles.parts import parts_with
from tests.doubles.qdrant_over_http import QdrantOverHttp, Refusal
from tests.doubles.scripted_embedding import MODEL, ScriptedEmbedding
from tests.integration.test_mending_while_qdrant_is_away import wait_until
from tests.samples.index_nodes import DIMENSION, a_node

OLD = EmbeddingFingerprint("old", DIMENSION, "mean", "", True, 1)


@dataclass
class World:
    settings: Settings
    registry: Registry
    qdrant: QdrantOverHttp
    originals: FolderOriginals
    old: ServerVectorStore

    def ingest(self, external_id: str, chunks: int = 2) -> str:
        """What a worker with the old settings does; the document's id."""
        with self.registry.write() as connection:
            content = Content(uuid4().hex * 2, 1, "text/plain")
            accept_upload(
                connection, Upload("default", "f.txt", external_id), content, UNRESTRICTED
            )
            lease = claim_next(connection, "w")
        assert lease is not None
        self.old.add(
            [
                a_node(
                    f"Text {n}.", document_id=lease.document_id, version=lease.version, ordinal=n
                )
                for n in range(chunks)
            ]
        )
        with self.registry.write() as connection:
            hold_fingerprint(connection, "default", OLD.as_json())
            assert complete_version(
                connection,
                lease,
                read_pages=[PageText(1, "text", 0)],
                page_count=1,
                chunk_count=chunks,
                coverage=Coverage(1),
            )
        if lease.version > 1:
            self.old.delete_nodes(filters=of_versions_before(lease.document_id, lease.version))
        return lease.document_id

    def delete(self, document_id: str) -> None:
        """As a server with the old settings does."""
        delete_document(self.registry, self.originals, self.old, document_id, UNRESTRICTED)

    def reindex(self, meanwhile: Callable[[], None] = lambda: None) -> Reindexed:
        """`meanwhile` is done once, after the first page."""
        to_do = [meanwhile]

        def tell(_what: str, _count: int) -> None:
            if to_do:
                to_do.pop()()

        return reindex(self.settings, tell)

    def nodes_of(self, document_id: str) -> set[str]:
        """The collections that have nodes of it."""
        found = set()
        with self.qdrant.turn:
            for name in self.qdrant.created:
                points, _ = self.qdrant.local.scroll(name, limit=100_000)
                if any((one.payload or {})["document_id"] == document_id for one in points):
                    found.add(name)
        return found

    @property
    def model(self) -> str:
        with self.registry.read() as connection:
            stored = stored_fingerprint(connection)
        assert stored is not None
        return str(stored["model"])

    def known(self) -> dict[str, IndexState]:
        with self.registry.read() as connection:
            return {one.fingerprint["model"]: one.state for one in known_indexes(connection)}

    def let_time_pass(self, time: timedelta) -> None:
        with self.registry.write() as connection:
            connection.execute(update(indexes).values(seen_at=datetime.now(UTC) - time))


@pytest.fixture
def world(tmp_path: Path, postgres_registry: Registry, postgres_url: str) -> Iterator[World]:
    with (
        QdrantOverHttp() as qdrant,
        ScriptedEmbedding() as embedding,
        closing(
            ServerVectorStore(
                ServerAddress(qdrant.url),
                f"lectern-{OLD.short}",
                DIMENSION,
                this_installation(postgres_registry),
                registration=RegisteredIndex(postgres_registry, OLD),
            )
        ) as old,
    ):
        settings = Settings(
            data_dir=tmp_path,
            embedding=embedding.base_url,
            embedding_model=MODEL,
            DATABASE_URL=SecretStr(postgres_url),
            QDRANT_URL=qdrant.url,
        )
        originals = FolderOriginals(tmp_path / "originals")
        yield World(settings, postgres_registry, qdrant, originals, old)


def fail() -> None:
    """As if the process were killed."""
    raise EmbeddingUnavailable("gone")


def test_everything_is_switched_to(world: World) -> None:
    documents = [world.ingest(f"d{n}", PAGE_POINTS // 3) for n in range(5)]
    done = world.reindex()
    assert (done.outcome, done.queued) == (Outcome.SWITCHED, 0)
    assert world.model == MODEL
    assert all(len(world.nodes_of(one)) == 2 for one in documents)
    assert world.reindex().outcome is Outcome.NOTHING_TO_DO
    # Nothing was counted by the engine, which takes long where there is much.
    assert not [call for call in world.qdrant.calls if call.route.endswith(("/facet", "/count"))]


def test_a_process_with_the_new_settings_that_starts_meanwhile_waits_for_the_switch(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.ingest("d1")
    new = open_embedding(world.settings, 1, "float32").fingerprint
    with pytest.raises(EmbeddingMismatch, match="embedded by old"):
        begin_embedding(world.settings, world.registry, new)
    begun = threading.Thread(target=begin_embedding, args=(world.settings, world.registry, new))

    def start_one() -> None:
        begun.start()
        wait_until(lambda: "waited for" in caplog.text)
        assert begun.is_alive()

    assert world.reindex(start_one).outcome is Outcome.SWITCHED
    begun.join(30)
    assert not begun.is_alive()
    with pytest.raises(EmbeddingMismatch):
        begin_embedding(world.settings, world.registry, OLD)


def test_workers_are_counted_again_at_the_switch(world: World) -> None:
    document_id = world.ingest("d1")

    def start_one() -> None:
        with world.registry.write() as connection:
            beat(connection, "w")

    with pytest.raises(Misconfigured, match="1 workers are at work") as refused:
        world.reindex(start_one)
    assert "run this again" in refused.value.hint
    assert world.model == "old"
    with world.registry.write() as connection:
        leave(connection, "w")
    assert world.reindex().outcome is Outcome.SWITCHED
    assert len(world.nodes_of(document_id)) == 2


def test_what_became_live_since_it_was_copied_is_read_again(world: World) -> None:
    changed, same = world.ingest("changed"), world.ingest("same")
    # As many chunks as before: their number tells nothing.

    def replace_it() -> None:
        world.ingest("changed")

    done = world.reindex(replace_it)
    assert done.queued == 1
    with world.registry.read() as connection:
        assert find_document(connection, changed, UNRESTRICTED).status is Status.QUEUED
        assert find_document(connection, same, UNRESTRICTED).status is Status.READY


def test_what_is_deleted_while_it_is_built_is_in_no_index_afterwards(world: World) -> None:
    first = [world.ingest(f"d{n}", PAGE_POINTS // 2) for n in range(6)]

    def delete_all_but_one() -> None:
        for document_id in first[1:]:
            world.delete(document_id)

    world.reindex(delete_all_but_one)
    assert [len(world.nodes_of(one)) for one in first] == [2, 0, 0, 0, 0, 0]


def test_what_is_deleted_right_before_its_copy_is_written_does_not_stay(world: World) -> None:
    document_id, other = world.ingest("d1"), world.ingest("d2")
    upsert = world.qdrant.local.upsert
    deleted: list[str] = []

    def upserted(name: str, points: Any) -> object:  # noqa: ANN401
        if not deleted:
            deleted.append(document_id)
            world.qdrant.turn.release()  # the double takes one request at a time
            try:
                world.delete(document_id)
            finally:
                world.qdrant.turn.acquire()
        return upsert(name, points)

    world.qdrant.local.upsert = upserted  # type: ignore[method-assign, assignment]
    world.reindex()
    assert world.nodes_of(document_id) == set()
    assert len(world.nodes_of(other)) == 2


def test_a_build_that_nobody_finishes_forgets_what_is_deleted_and_is_cleared_away(
    world: World,
) -> None:
    gone, stays = world.ingest("d1"), world.ingest("d2")
    with pytest.raises(EmbeddingUnavailable):
        world.reindex(fail)
    assert world.known() == {MODEL: IndexState.BUILDING}
    assert len(world.nodes_of(gone)) == 2
    world.delete(gone)
    assert world.nodes_of(gone) == set()
    assert clear_expired(world.settings, world.registry) == []
    world.let_time_pass(KEPT)
    world.qdrant.refuse(Refusal(400))
    with pytest.raises(IndexUnavailable):
        clear_expired(world.settings, world.registry)
    assert world.known() == {MODEL: IndexState.GIVEN_UP}
    with pytest.raises(Misconfigured, match="cleared away"):
        world.reindex()
    assert len(clear_expired(world.settings, world.registry)) == 1
    assert world.nodes_of(stays) == {f"lectern-{OLD.short}"}
    assert world.known() == {}
    assert world.reindex().outcome is Outcome.SWITCHED


def test_a_server_clears_away_what_was_left_after_a_while(world: World) -> None:
    document_id = world.ingest("d1")
    world.reindex()
    assert world.known() == {MODEL: IndexState.CURRENT, "old": IndexState.LEFT}
    world.let_time_pass(KEPT)
    parts = parts_with(world.registry, world.settings)
    with reconciled(replace(parts, originals=world.originals, store=world.old)):
        wait_until(lambda: "old" not in world.known())
    [name] = world.nodes_of(document_id)
    assert OLD.short not in name
    assert world.known() == {MODEL: IndexState.CURRENT}


def test_a_restore_over_it_as_configured_now_leaves_nothing_in_the_indexes_of_before(
    world: World, tmp_path: Path
) -> None:
    document_id = world.ingest("d1")
    backup, console = tmp_path / "backup.tar", Console(quiet=True)
    make_backup(world.settings, backup, with_vectors=False, console=console)
    with pytest.raises(EmbeddingUnavailable):
        world.reindex(fail)
    restore_backup(world.settings, backup, force=True, console=console)
    assert world.nodes_of(document_id) == set()
    assert world.known() == {}


def test_another_build_is_cleared_away_first_unless_somebody_is_at_it(world: World) -> None:
    document_id = world.ingest("d1")
    with pytest.raises(EmbeddingUnavailable):
        world.reindex(fail)
    begun = open_embedding(world.settings, 1, "float32").fingerprint.short
    world.settings.embedding_model = "another"
    with world.registry.write() as connection:
        assert see_index(connection, begun)  # somebody else goes on with it
    with pytest.raises(Misconfigured, match="at work"):
        world.reindex()
    with world.registry.write() as connection:
        rest_index(connection, begun)  # as one that fails does
    assert world.reindex().outcome is Outcome.SWITCHED
    assert world.known() == {"another": IndexState.CURRENT, "old": IndexState.LEFT}
    assert len(world.nodes_of(document_id)) == 2


def test_a_build_does_not_switch_what_another_switched(world: World) -> None:
    world.ingest("d1")
    others = world.settings.model_copy(update={"embedding_model": "another"})

    def let_another_switch() -> None:
        world.let_time_pass(timedelta(hours=1))
        reindex(others, lambda _what, _count: None)

    with pytest.raises(Misconfigured, match="another"):
        world.reindex(let_another_switch)
    assert world.model == "another"
