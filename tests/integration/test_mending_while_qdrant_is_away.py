from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from corpus.access import UNRESTRICTED
from corpus.deletion import delete_document
from corpus.embedding.fingerprint import EmbeddingFingerprint
from corpus.errors import IndexUnavailable
from corpus.index.selections import of_document
from corpus.index.server.connection import Limits, ServerAddress
from corpus.index.server.store import ServerVectorStore
from corpus.originals.folder import FolderOriginals
from corpus.registry.audit_log import Entry, write_entries
from corpus.registry.database.engine import Registry, open_sqlite_registry
from corpus.registry.new_versions import Content
from corpus.registry.schema import audit, documents, sweeps
from corpus.registry.sweeps import note_sweeps
from corpus.registry.uploads import Upload, accept_upload
from corpus.settings import Settings
from corpus.sweeping import sweep
from lectern.server.reconciler import mend_at_start, reconciled
from tests.doubles.cut_proxy import CutProxy
from tests.doubles.parts import parts_with
from tests.doubles.qdrant_over_http import QdrantOverHttp
from tests.installations import an_installation
from tests.samples.index_nodes import DIMENSION, a_node

QUICK = Limits(read_s=2.0, write_s=2.0, tries=1)


@dataclass
class World:
    registry: Registry
    originals: FolderOriginals
    store: ServerVectorStore
    proxy: CutProxy

    def documents(self) -> int:
        with self.registry.read() as connection:
            return connection.execute(select(func.count()).select_from(documents)).scalar_one()


def an_interrupted_deletion(world: World) -> str:
    """The id of a document whose deletion Qdrant did not live to see, an hour ago."""
    with (
        world.originals.stage(BytesIO(b"boats"), max_bytes=10) as staged,
        world.registry.write() as connection,
    ):
        content = Content(staged.content_sha256, staged.size_bytes, "text/plain")
        accepted = accept_upload(
            connection, Upload("default", "boats.txt", None), content, UNRESTRICTED
        )
        staged.keep()
    document_id = accepted.document.id
    world.store.add([a_node(document_id=document_id)])
    world.proxy.refuse()
    with pytest.raises(IndexUnavailable):
        delete_document(world.registry, world.originals, world.store, document_id, UNRESTRICTED)
    world.proxy.pass_on()
    with world.registry.write() as connection:
        long_ago = datetime.now(UTC) - timedelta(hours=1)
        connection.execute(update(documents).values(deleted_at=long_ago))
    return document_id


@pytest.fixture
def interrupted(tmp_path: Path) -> Iterator[World]:
    """An interrupted deletion; Qdrant is away."""
    with (
        QdrantOverHttp() as qdrant,
        CutProxy(int(qdrant.url.rpartition(":")[2])) as proxy,
        closing(open_sqlite_registry(tmp_path / "registry.sqlite")) as registry,
        closing(
            ServerVectorStore(
                ServerAddress(proxy.url, limits=QUICK), "lectern-abc", DIMENSION, an_installation()
            )
        ) as store,
    ):
        originals = FolderOriginals(tmp_path / "originals")
        world = World(registry, originals, store, proxy)
        an_interrupted_deletion(world)
        proxy.refuse()
        yield world


def test_a_start_does_not_wait_for_qdrant(interrupted: World, tmp_path: Path) -> None:
    fingerprint = EmbeddingFingerprint("m", DIMENSION, "mean", "", True, 1)
    settings = Settings(data_dir=tmp_path)
    world = interrupted
    mend_at_start(settings, world.registry, world.originals, world.store, fingerprint)
    assert world.documents() == 1
    world.proxy.pass_on()
    mend_at_start(settings, world.registry, world.originals, world.store, fingerprint)
    assert world.documents() == world.store.count() == 0


def test_a_deletion_is_ended_once_qdrant_is_back(interrupted: World) -> None:
    world = interrupted
    parts = replace(parts_with(world.registry), originals=world.originals, store=world.store)
    asked = world.proxy.connections
    with reconciled(parts, again_s=0.1):
        wait_until(lambda: world.proxy.connections > asked + 1)
        assert world.documents() == 1
        world.proxy.pass_on()
        wait_until(lambda: world.documents() == 0)
    assert world.store.count() == 0
    assert list(world.originals.kept()) == []


def test_what_was_kept_long_enough_is_given_up_meanwhile_however_much(interrupted: World) -> None:
    world = interrupted
    old = datetime(2020, 1, 1, tzinfo=UTC)
    with world.registry.write() as connection:
        write_entries(connection, [Entry("who", "ask", None, "ok", at=old) for _ in range(2_400)])
    parts = replace(parts_with(world.registry), originals=world.originals, store=world.store)

    def left() -> int:
        with world.registry.read() as connection:
            return connection.execute(select(func.count()).select_from(audit)).scalar_one()

    with reconciled(parts, again_s=0.1):
        wait_until(lambda: left() == 0)


class FailsAtFirst(FolderOriginals):
    """Originals of which the first removal fails for a reason that nobody thought of."""

    has_failed = False

    def delete(self, content_sha256: str) -> None:
        if not self.has_failed:
            self.has_failed = True
            raise ZeroDivisionError
        super().delete(content_sha256)


def test_a_deletion_that_failed_unexpectedly_is_ended_later(
    interrupted: World, tmp_path: Path
) -> None:
    world = interrupted
    world.proxy.pass_on()
    originals = FailsAtFirst(tmp_path / "originals")
    parts = replace(parts_with(world.registry), originals=originals, store=world.store)
    with reconciled(parts, again_s=0.1):
        wait_until(lambda: world.documents() == 0)
    assert originals.has_failed


def test_a_deletion_that_is_interrupted_later_is_ended_too(interrupted: World) -> None:
    world = interrupted
    world.proxy.pass_on()
    parts = replace(parts_with(world.registry), originals=world.originals, store=world.store)
    with reconciled(parts, again_s=0.1):
        wait_until(lambda: world.documents() == 0)
        document_id = an_interrupted_deletion(world)
        wait_until(lambda: world.documents() == 0)
    assert world.store.count(of_document(document_id)) == 0


def test_nobody_waits_for_the_registry_while_a_sweep_waits_for_qdrant(
    interrupted: World, tmp_path: Path
) -> None:
    world = interrupted
    with world.registry.write() as connection:
        note_sweeps(connection, [("11111111-1111-4111-8111-111111111111", 1)])
        connection.execute(update(sweeps).values(due_at=datetime.now(UTC) - timedelta(hours=1)))
    world.proxy.pass_on()
    world.proxy.delay(60)
    asked = world.proxy.connections
    with (
        closing(open_sqlite_registry(tmp_path / "registry.sqlite", busy_timeout_ms=50)) as others,
        ThreadPoolExecutor() as pool,
    ):
        sweeping = pool.submit(sweep, world.registry, world.store)
        wait_until(lambda: world.proxy.connections > asked)
        while not sweeping.done():
            with others.write():
                pass
        assert isinstance(sweeping.exception(), IndexUnavailable)
    world.proxy.pass_on()
    assert sweep(world.registry, world.store) > 0
    assert sweep(world.registry, world.store) == 0


def wait_until(true: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
