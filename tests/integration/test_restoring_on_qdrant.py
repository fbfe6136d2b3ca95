"""Restoring over a registry whose index is on a Qdrant server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from corpus.access import UNRESTRICTED
from corpus.backup.archive import verify, written
from corpus.backup.making import Sources, back_up
from corpus.embedding.open import open_embedding
from corpus.errors import IndexUnavailable, Misconfigured, StoreOfAnother
from corpus.index.open import open_server_store
from corpus.originals.folder import FolderOriginals
from corpus.reconciliation import keep_only
from corpus.registry.database.engine import open_sqlite_registry
from corpus.registry.documents import find_document
from corpus.registry.fingerprints import remember_fingerprint
from corpus.registry.indexes import begin_index
from corpus.registry.installation import this_installation
from corpus.registry.new_versions import Content
from corpus.registry.uploads import Upload, accept_upload
from corpus.settings import Settings
from lectern.server import restoring, shared_stores
from lectern.server.data_dir import owned
from lectern.server.restoring import put_back
from tests.doubles.cut_proxy import CutProxy
from tests.doubles.qdrant_over_http import QdrantOverHttp
from tests.samples.index_nodes import a_node


@dataclass
class World:
    """A registry in a folder with one document, a backup of it, and a node that came since."""

    settings: Settings
    document_id: str
    backup: Path
    double: QdrantOverHttp
    proxy: CutProxy

    def restore(self, *, force: bool = True) -> None:
        with owned(self.settings.data_dir):
            manifest = verify(self.backup)
            put_back(self.settings, self.backup, manifest, lambda _what, _count: None, force=force)

    def nodes(self) -> int:
        [name] = self.double.created
        with self.double.turn:
            return self.double.local.count(name).count

    def is_there(self) -> bool:
        path = self.settings.data_dir / "registry.sqlite"
        with closing(open_sqlite_registry(path)) as registry, registry.read() as connection:
            return find_document(connection, self.document_id, UNRESTRICTED) is not None


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with (
        QdrantOverHttp() as double,
        CutProxy(int(double.url.rpartition(":")[2])) as proxy,
    ):
        settings = Settings(data_dir=tmp_path / "data", QDRANT_URL=proxy.url)
        path = tmp_path / "backup.tar"
        registry = open_sqlite_registry(settings.data_dir / "registry.sqlite")
        with closing(registry):
            with registry.write() as connection:
                upload, content = Upload("default", "f", None), Content("0" * 64, 5, "text/plain")
                document_id = accept_upload(connection, upload, content, UNRESTRICTED).document.id
            originals = FolderOriginals(settings.data_dir / "originals")
            with path.open("wb") as out, written(out, is_compressed=False) as archive:
                back_up(Sources(registry, originals, None), archive, lambda _what, _count: None)
            fingerprint = open_embedding(settings, 1, "float32").fingerprint
            ours = this_installation(registry)
            store = open_server_store(
                settings, double.url, fingerprint.short, fingerprint.dimension, installation=ours
            )
            with closing(store):
                store.add([a_node("came since", [1.0] * fingerprint.dimension)])
        yield World(settings, document_id, path, double, proxy)


def test_qdrant_goes_away_at_the_end_and_the_same_command_again_is_right(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(*arguments: object) -> None:
        world.proxy.refuse()
        keep_only(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(shared_stores, "keep_only", cut_off)
        with pytest.raises(IndexUnavailable, match="All is restored, but") as said:
            world.restore()
    assert "--force" in said.value.hint
    assert world.is_there()
    assert world.nodes() == 1
    world.proxy.pass_on()
    world.restore()
    assert world.is_there()
    assert world.nodes() == 0


def test_a_collection_that_is_anothers_is_refused_before_anything_is_changed(
    world: World,
) -> None:
    [name] = world.double.created
    world.double.local.update_collection(name, metadata={"lectern_installation": "theirs"})
    with pytest.raises(StoreOfAnother, match="another installation"):
        world.restore()
    assert world.is_there()
    assert (world.nodes(), world.double.owner(name)) == (1, "theirs")
    (world.settings.data_dir / "registry.sqlite").unlink()
    with pytest.raises(Misconfigured, match="has content"):
        world.restore(force=False)
    world.restore()
    assert (world.nodes(), world.double.owner(name) in {"theirs", None}) == (0, False)


def test_what_was_embedded_otherwise_goes_once_all_is_restored(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    fingerprint = open_embedding(world.settings, 1, "float32").fingerprint
    answering, built = (replace(fingerprint, model=model) for model in ("answers", "is built"))
    path = world.settings.data_dir / "registry.sqlite"
    with closing(open_sqlite_registry(path)) as registry:
        ours = this_installation(registry)
        with registry.write() as connection:
            upload, content = Upload("default", "g", None), Content("1" * 64, 5, "text/plain")
            since = accept_upload(connection, upload, content, UNRESTRICTED).document.id
            remember_fingerprint(connection, "default", answering.as_json())
            begin_index(connection, built.short, built.as_json())
    for one in (answering, built):
        store = open_server_store(
            world.settings, world.double.url, one.short, one.dimension, installation=ours
        )
        vector = [1.0] * one.dimension
        with closing(store):
            store.add([a_node("came since", vector, document_id=since)])

    def left() -> list[int]:
        with world.double.turn:
            return [world.double.local.count(name).count for name in world.double.created]

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    assert left() == [1, 1, 1]
    with monkeypatch.context() as patched:
        patched.setattr(restoring, "restore", interrupted)
        with pytest.raises(KeyboardInterrupt):
            world.restore()
    assert left() == [1, 1, 1]
    world.restore()
    assert left() == [0, 0, 0]
