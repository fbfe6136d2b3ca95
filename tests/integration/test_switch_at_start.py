"""An index that was built beside a server in its data folder, and the next start of that server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from corpus.access import UNRESTRICTED
from corpus.deletion import delete_document
from corpus.embedding.fingerprint import EmbeddingFingerprint
from corpus.embedding.open import open_embedding
from corpus.errors import EmbeddingUnavailable
from corpus.index.edge.store import EdgeVectorStore
from corpus.index.open import edge_folder
from corpus.originals.folder import FolderOriginals
from corpus.registry.database.engine import Registry, open_sqlite_registry
from corpus.registry.fingerprints import hold_fingerprint, stored_fingerprint
from corpus.registry.indexes import known_indexes
from corpus.registry.leases import claim_next
from corpus.registry.new_versions import Content
from corpus.registry.uploads import Upload, accept_upload
from corpus.registry.versions import complete_version
from corpus.settings import Settings
from corpus.values import Coverage, PageText
from lectern.server.data_dir import owned
from lectern.server.gate import gate_open
from lectern.server.reindexing import Outcome, reindex, switch_to_built
from tests.doubles.scripted_embedding import DIMENSION as NEW_DIMENSION
from tests.doubles.scripted_embedding import MODEL, ScriptedEmbedding
from tests.samples.index_nodes import DIMENSION, a_node

OLD = EmbeddingFingerprint("old", DIMENSION, "mean", "", True, 1)


@dataclass
class Folder:
    settings: Settings
    registry: Registry
    new: EmbeddingFingerprint

    @contextmanager
    def served(self) -> Iterator[EdgeVectorStore]:
        """A server with the old settings has it."""
        folder = edge_folder(self.settings.data_dir, OLD.short)
        with (
            owned(self.settings.data_dir),
            closing(EdgeVectorStore.open(folder, DIMENSION)) as store,
            gate_open(self.settings.data_dir, store, OLD.as_json()),
        ):
            yield store

    def ingest(self, store: EdgeVectorStore, name: str) -> str:
        with self.registry.write() as connection:
            content = Content(name.ljust(64, "0"), 1, "a/b")
            accept_upload(connection, Upload("default", name), content, UNRESTRICTED)
            lease = claim_next(connection, "w")
        assert lease is not None
        store.add([a_node(f"Text of {name}.", document_id=lease.document_id)])
        with self.registry.write() as connection:
            hold_fingerprint(connection, "default", OLD.as_json())
            assert complete_version(
                connection,
                lease,
                read_pages=[PageText(1, "text", 0)],
                page_count=1,
                chunk_count=1,
                coverage=Coverage(1),
            )
        return lease.document_id

    def start(self, settings: Settings | None = None) -> str:
        """What a server does that starts with the new settings; how all is embedded then."""
        with owned(self.settings.data_dir):
            switch_to_built(settings or self.settings, self.registry, self.new)
        with self.registry.read() as connection:
            stored = stored_fingerprint(connection)
        assert stored is not None
        return str(stored["model"])


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    with (
        ScriptedEmbedding() as embedding,
        closing(open_sqlite_registry(tmp_path / "registry.sqlite")) as registry,
    ):
        settings = Settings(data_dir=tmp_path, embedding=embedding.base_url, embedding_model=MODEL)
        new = open_embedding(settings, 1, "float32").fingerprint
        yield Folder(settings, registry, new)


def unheard(_what: str, _count: int) -> None:
    pass


def killed(_what: str, _count: int) -> None:
    raise KeyboardInterrupt


def test_a_start_switches_to_what_was_built_to_its_end_and_leaves_nothing_of_before(
    folder: Folder,
) -> None:
    with folder.served() as store:
        stays, gone = folder.ingest(store, "a"), folder.ingest(store, "b")
        with pytest.raises(KeyboardInterrupt):
            reindex(folder.settings, killed)
    assert folder.start() == "old"  # not to its end: such a start is refused
    with folder.served() as store:
        assert reindex(folder.settings, unheard).outcome is Outcome.BUILT
        originals = FolderOriginals(folder.settings.data_dir / "originals")
        delete_document(folder.registry, originals, store, gone, UNRESTRICTED)
        late = folder.ingest(store, "c")
    away = folder.settings.model_copy(update={"embedding": "http://127.0.0.1:9/v1"})
    with pytest.raises(EmbeddingUnavailable):
        folder.start(away)
    assert folder.start() == MODEL
    here = folder.settings.data_dir
    assert {one.name.partition(".")[0] for one in here.glob("index*")} == {
        f"index-of-{folder.new.short}"
    }
    with closing(
        EdgeVectorStore.open(edge_folder(here, folder.new.short), NEW_DIMENSION)
    ) as switched:
        assert switched.document_counts() == {stays: 1, late: 1}
    with folder.registry.read() as connection:
        assert known_indexes(connection) == []


def test_a_start_with_other_settings_switches_to_nothing(folder: Folder) -> None:
    with folder.served() as store:
        folder.ingest(store, "a")
        reindex(folder.settings, unheard)
    with owned(folder.settings.data_dir):
        other = replace(folder.new, model="another")
        for fingerprint in (OLD, other):
            switch_to_built(folder.settings, folder.registry, fingerprint)
    assert edge_folder(folder.settings.data_dir, OLD.short).name == "index"
    assert (folder.settings.data_dir / "index").exists()
