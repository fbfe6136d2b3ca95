"""From the data folder to servers: whole, once, resumable, and never over what others have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest
from llama_index.core.vector_stores.types import VectorStoreQuery, VectorStoreQueryMode
from pydantic import SecretStr
from sqlalchemy import func, select, update

from corpus.access import UNRESTRICTED
from corpus.embedding.open import open_embedding
from corpus.errors import (
    DataDirInUse,
    EmbeddingMismatch,
    IndexUnavailable,
    Misconfigured,
    StorageUnavailable,
)
from corpus.index.edge.store import EdgeVectorStore
from corpus.index.open import open_server_store
from corpus.index.server.connection import Limits, ServerAddress
from corpus.index.server.store import ServerVectorStore
from corpus.originals.folder import FolderOriginals
from corpus.originals.open import opened_originals
from corpus.registry.database.engine import Registry, open_sqlite_registry
from corpus.registry.database.postgres import open_postgres_registry
from corpus.registry.fingerprints import remember_fingerprint
from corpus.registry.installation import this_installation
from corpus.registry.new_versions import Content
from corpus.registry.schema import documents, installation, jobs, metadata, versions
from corpus.registry.uploads import Upload, accept_upload
from corpus.settings import Settings
from lectern.migration.nodes import check_nodes, copy_nodes, require_own_nodes, require_sound
from lectern.migration.originals import copy_originals
from lectern.migration.rows import copy_rows
from lectern.migration.run import Targets, migrate_folder
from lectern.server.data_dir import owned
from tests.bucket import BucketServer
from tests.doubles.cut_proxy import CutProxy
from tests.doubles.qdrant_over_http import QdrantOverHttp
from tests.installations import an_installation
from tests.samples.index_nodes import DIMENSION, a_node

NAME = "lectern-abc"
COUNT = 600
WRITE = ("PUT", "/collections/{name}/points")
SHORT = Limits(read_s=1.0, write_s=1.0, tries=1)


@pytest.fixture
def double() -> Iterator[QdrantOverHttp]:
    with QdrantOverHttp() as started:
        yield started


@pytest.fixture
def source(tmp_path: Path) -> Iterator[EdgeVectorStore]:
    with closing(EdgeVectorStore.open(tmp_path / "index", DIMENSION)) as store:
        store.add(
            [
                a_node(f"revenue {n}", [1.0, 0.01 * n, 0.3, 0.0], ordinal=n, page=n)
                for n in range(COUNT)
            ]
        )
        yield store


@pytest.fixture
def target(double: QdrantOverHttp) -> Iterator[ServerVectorStore]:
    address = ServerAddress(double.url)
    with closing(ServerVectorStore(address, NAME, DIMENSION, an_installation())) as store:
        store.prepare()
        yield store


def copied(source: EdgeVectorStore, target: ServerVectorStore) -> int:
    return copy_nodes(source, target, lambda _seen: None)


class TestNodes:
    def test_vectors_words_and_payload_are_the_same_there(
        self, source: EdgeVectorStore, target: ServerVectorStore
    ) -> None:
        assert copied(source, target) == COUNT
        assert check_nodes(source, target) == 1.0
        for mode in (VectorStoreQueryMode.HYBRID, VectorStoreQueryMode.SPARSE):
            query = VectorStoreQuery(
                query_str="revenue 7",
                query_embedding=[1.0, 0.07, 0.3, 0.0],
                similarity_top_k=3,
                mode=mode,
            )
            ours, theirs = source.query(query), target.query(query)
            assert theirs.similarities == pytest.approx(ours.similarities, abs=1e-4)
        ids = [node.node_id for node in source.get_nodes(limit=5)]
        assert target.stored_embeddings(ids).keys() == source.stored_embeddings(ids).keys()
        kept, there = source.get_nodes(ids), target.get_nodes(ids)
        assert [node.model_dump() for node in there] == [node.model_dump() for node in kept]

    def test_a_second_time_nothing_is_written(
        self, source: EdgeVectorStore, target: ServerVectorStore, double: QdrantOverHttp
    ) -> None:
        copied(source, target)
        double.calls.clear()
        require_own_nodes(source, target)
        assert copied(source, target) == 0
        assert double.counted()[WRITE] == 0

    def test_interrupted_it_goes_on_with_what_is_missing(
        self, source: EdgeVectorStore, target: ServerVectorStore, double: QdrantOverHttp
    ) -> None:
        port = int(double.url.rpartition(":")[2])
        with CutProxy(port) as proxy:
            address = ServerAddress(proxy.url, limits=SHORT)
            cut_off = ServerVectorStore(address, NAME, DIMENSION, an_installation())
            with closing(cut_off), pytest.raises(IndexUnavailable):
                copy_nodes(source, cut_off, lambda _seen: proxy.refuse())
        there = target.count()
        assert 0 < there < COUNT
        require_own_nodes(source, target)
        assert copied(source, target) == COUNT - there
        assert check_nodes(source, target) == 1.0

    def test_what_others_have_there_is_left_alone(
        self, source: EdgeVectorStore, target: ServerVectorStore
    ) -> None:
        target.add([a_node("theirs", ordinal=COUNT + 1)])
        with pytest.raises(Misconfigured, match="not in this folder"):
            require_own_nodes(source, target)

    def test_a_node_that_is_missing_or_wrong_is_noticed(
        self, source: EdgeVectorStore, target: ServerVectorStore
    ) -> None:
        copied(source, target)
        [one] = target.get_nodes(limit=1)
        target.delete_nodes([one.node_id])
        with pytest.raises(IndexUnavailable, match="as many nodes"):
            check_nodes(source, target)
        assert copied(source, target) == 1
        for node in target.get_nodes():
            node.embedding = [0.0, 0.0, float(int(node.node_id[:2], 16)), 1.0]
            target.add([node])
        with pytest.raises(IndexUnavailable, match="of the nearest"):
            check_nodes(source, target)

    def test_an_index_without_nodes_is_copied_too(
        self, tmp_path: Path, target: ServerVectorStore
    ) -> None:
        with closing(EdgeVectorStore.open(tmp_path / "empty", DIMENSION)) as empty:
            assert copied(empty, target) == 0
            assert check_nodes(empty, target) == 1.0


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[Registry]:
    registry = open_sqlite_registry(tmp_path / "registry.sqlite")
    for number in range(3):
        with registry.write() as connection:
            accept_upload(
                connection,
                Upload("default", f"{number}.txt", None),
                Content(f"{number:064x}", 5, "text/plain"),
                UNRESTRICTED,
            )
    yield registry
    registry.close()


def all_rows(registry: Registry) -> dict[str, list[str]]:
    with registry.read() as connection:
        return {
            table.name: sorted(repr(tuple(row)) for row in connection.execute(select(table)))
            for table in metadata.sorted_tables
            if table is not installation
        }


class TestRows:
    def test_every_row_is_there_and_the_source_is_as_it_was(
        self, rows: Registry, postgres_registry: Registry
    ) -> None:
        before = all_rows(rows)
        told = copy_rows(rows, postgres_registry, "ours")
        assert {name: count for name, count in told.items() if count} == {
            "collections": 1,
            "documents": 3,
            "versions": 3,
            "jobs": 3,
        }
        assert all_rows(postgres_registry) == before == all_rows(rows)

    def test_a_second_time_nothing_is_copied(
        self, rows: Registry, postgres_registry: Registry
    ) -> None:
        copy_rows(rows, postgres_registry, "ours")
        assert copy_rows(rows, postgres_registry, "ours") == {}
        with postgres_registry.read() as connection:
            assert connection.execute(select(func.count()).select_from(jobs)).scalar_one() == 3

    def test_other_rows_are_left_alone(self, rows: Registry, postgres_registry: Registry) -> None:
        copy_rows(rows, postgres_registry, "ours")
        with postgres_registry.write() as connection:
            connection.execute(update(documents).values(external_id="theirs"))
        before = all_rows(postgres_registry)
        with pytest.raises(Misconfigured, match="documents are not those"):
            copy_rows(rows, postgres_registry, "ours")
        assert all_rows(postgres_registry) == before

    def test_all_or_nothing(self, rows: Registry, postgres_registry: Registry) -> None:
        with rows.write() as connection:
            connection.execute(update(versions).values(filename="long" * 1000))
        with pytest.raises(Exception, match="too long"):
            copy_rows(rows, postgres_registry, "ours")
        assert not any(all_rows(postgres_registry).values())


class TestOriginals:
    @pytest.fixture
    def kept(self, tmp_path: Path) -> FolderOriginals:
        originals = FolderOriginals(tmp_path / "originals")
        for content in (b"one", b"two"):
            with originals.stage(BytesIO(content), max_bytes=10) as staged:
                staged.keep()
        return originals

    def test_they_are_copied_once(self, kept: FolderOriginals, tmp_path: Path) -> None:
        there = FolderOriginals(tmp_path / "there")
        assert copy_originals(kept, there) == 2
        assert copy_originals(kept, there) == 0
        for one in kept.kept():
            sha = one.content_sha256
            with kept.local_copy(sha) as ours, there.local_copy(sha) as theirs:
                assert theirs.read_bytes() == ours.read_bytes()

    def test_a_damaged_one_is_not_passed_on(self, kept: FolderOriginals, tmp_path: Path) -> None:
        first = next(kept.kept()).content_sha256
        with kept.local_copy(first) as path:
            path.write_bytes(b"rot")
        with pytest.raises(StorageUnavailable, match=f"{first} is damaged"):
            copy_originals(kept, FolderOriginals(tmp_path / "there"))


class TestFolder:
    def test_an_index_that_the_registry_does_not_know_is_not_copied(
        self, rows: Registry, source: EdgeVectorStore
    ) -> None:
        with pytest.raises(Misconfigured, match="differ in 1 documents"):
            require_sound(rows, source)

    def test_another_embedding_than_configured_is_refused_before_anything_is_written(
        self, rows: Registry, tmp_path: Path, double: QdrantOverHttp
    ) -> None:
        with rows.write() as connection:
            remember_fingerprint(connection, "default", {"model": "another"})
        with pytest.raises(EmbeddingMismatch):
            migrate_folder(Settings(data_dir=tmp_path), Targets(double.url), print)
        assert double.created == {}

    def test_a_database_with_other_rows_is_refused_before_anything_is_written(
        self, rows: Registry, postgres_url: str, tmp_path: Path, double: QdrantOverHttp
    ) -> None:
        database_url = SecretStr(postgres_url)
        with closing(open_postgres_registry(database_url)) as used, used.write() as connection:
            content = Content("f" * 64, 5, "text/plain")
            accept_upload(connection, Upload("default", "f", None), content, UNRESTRICTED)
        there = tmp_path / "there"
        targets = Targets(double.url, database_url, str(there))
        with pytest.raises(Misconfigured, match="not empty"):
            migrate_folder(Settings(data_dir=tmp_path), targets, print)
        assert (double.created, there.exists()) == ({}, False)

    def test_with_the_rows_the_database_is_the_installation_and_the_folder_another(
        self, rows: Registry, postgres_url: str, tmp_path: Path
    ) -> None:
        before = this_installation(rows).id
        database_url = SecretStr(postgres_url)
        for _ in range(2):
            migrate_folder(Settings(data_dir=tmp_path), Targets(None, database_url), print)
            with closing(open_postgres_registry(database_url)) as there:
                assert this_installation(there).id == before
            assert this_installation(rows).id != before

    def test_a_database_that_servers_were_started_with_becomes_what_the_stores_say(
        self,
        rows: Registry,
        postgres_url: str,
        tmp_path: Path,
        bucket_server: BucketServer,
        double: QdrantOverHttp,
    ) -> None:
        in_use, new = bucket_server.new_bucket(), bucket_server.new_bucket()
        settings = Settings.model_validate({"data_dir": tmp_path, **in_use.settings()})
        ours, database_url = this_installation(rows), SecretStr(postgres_url)
        with opened_originals(settings, ours):
            assert in_use.owner() == ours.id
        fingerprint = open_embedding(settings, 1, "float32").fingerprint
        at_new = Settings.model_validate({"data_dir": tmp_path, **new.settings()})
        with closing(open_postgres_registry(database_url)) as empty:
            begun = this_installation(empty)
        with opened_originals(at_new, begun):
            assert new.owner() == begun.id
        started = open_server_store(
            settings, double.url, fingerprint.short, fingerprint.dimension, installation=begun
        )
        with closing(started):
            started.prepare()
        migrate_folder(settings, Targets(double.url, database_url, at_new.blob_url), print)
        with closing(open_postgres_registry(database_url)) as there:
            assert this_installation(there).id == ours.id
        assert {in_use.owner(), new.owner(), double.owner(started.name)} == {ours.id}

    def test_a_folder_that_a_server_has_is_refused(self, rows: Registry, tmp_path: Path) -> None:
        there = Targets(originals=str(tmp_path / "there"))
        with owned(tmp_path), pytest.raises(DataDirInUse):
            migrate_folder(Settings(data_dir=tmp_path), there, print)

    def test_a_folder_without_documents_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(Misconfigured, match="no documents"):
            migrate_folder(Settings(data_dir=tmp_path), Targets(), print)
        assert list(tmp_path.iterdir()) == []
