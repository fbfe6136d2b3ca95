"""`lectern claim` takes all that its registry would be refused, and makes none to take it with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from corpus.embedding.fingerprint import EmbeddingFingerprint
from corpus.errors import DataDirInUse, Misconfigured
from corpus.index.open import open_server_store
from corpus.originals.open import opened_originals
from corpus.registry.database.engine import open_sqlite_registry
from corpus.registry.indexes import begin_index
from corpus.registry.installation import this_installation
from corpus.registry.migrations.upgrade import downgrade
from corpus.settings import Settings
from lectern.commands.claiming import claim_stores
from lectern.server.data_dir import owned
from tests.bucket import Bucket, BucketServer
from tests.doubles.qdrant_over_http import QdrantOverHttp
from tests.installations import an_installation
from tests.samples.data_folder import BUILT_IN, DataFolder

THEIRS = an_installation("theirs")


@pytest.fixture
def bucket(bucket_server: BucketServer) -> Bucket:
    return bucket_server.new_bucket()


@pytest.fixture
def settings(bucket: Bucket, tmp_path: Path) -> Settings:
    """A folder that is not there yet, and a bucket of another installation."""
    found = Settings.model_validate({"data_dir": tmp_path / "data", **bucket.settings()})
    with opened_originals(found, THEIRS):
        assert bucket.owner() == "theirs"
    return found


def test_where_there_is_no_registry_nothing_is_taken_or_made(
    settings: Settings, bucket: Bucket
) -> None:
    before = list(settings.data_dir.rglob("*.sqlite"))
    with pytest.raises(Misconfigured, match="no registry"):
        claim_stores(settings)
    assert (bucket.owner(), list(settings.data_dir.rglob("*.sqlite"))) == ("theirs", before)


def test_a_database_without_tables_takes_nothing(
    settings: Settings, bucket: Bucket, postgres_url: str
) -> None:
    said = {"data_dir": settings.data_dir, "DATABASE_URL": postgres_url, **bucket.settings()}
    with pytest.raises(Misconfigured, match="no tables"):
        claim_stores(Settings.model_validate(said))
    assert bucket.owner() == "theirs"


def test_a_registry_of_a_release_before_takes_nothing(settings: Settings, bucket: Bucket) -> None:
    path = settings.data_dir / "registry.sqlite"
    with closing(open_sqlite_registry(path)) as registry, registry.write() as connection:
        downgrade(connection, "0012")
    with pytest.raises(Misconfigured, match="revision 0012"):
        claim_stores(settings)
    assert bucket.owner() == "theirs"


def test_a_folder_that_a_server_has_takes_nothing(settings: Settings, bucket: Bucket) -> None:
    open_sqlite_registry(settings.data_dir / "registry.sqlite").close()
    with owned(settings.data_dir), pytest.raises(DataDirInUse):
        claim_stores(settings)
    assert bucket.owner() == "theirs"
    claim_stores(settings)
    assert bucket.owner() != "theirs"


class TestCollections:
    @pytest.fixture
    def double(self) -> Iterator[QdrantOverHttp]:
        with QdrantOverHttp() as started:
            yield started

    def test_those_that_are_to_come_or_are_known_are_taken_where_they_are_there(
        self, double: QdrantOverHttp, tmp_path: Path
    ) -> None:
        embedded = {**BUILT_IN, "model": "as documents are"}
        known = {**BUILT_IN, "model": "of a reindex"}
        missing = {**BUILT_IN, "model": "of a reindex that made nothing yet"}
        shorts = [EmbeddingFingerprint(**one).short for one in (embedded, BUILT_IN, known)]
        (tmp_path / "data").mkdir()
        folder = DataFolder(tmp_path / "data", QDRANT_URL=double.url)
        folder.sql(
            "UPDATE collections SET fingerprint = "
            "json_set(fingerprint, '$.model', 'as documents are')"
        )
        with closing(folder.registry) as registry:
            ours = this_installation(registry).id
            with registry.write() as connection:
                for one in (known, missing):
                    begin_index(connection, EmbeddingFingerprint(**one).short, one)
        for short in shorts:
            store = open_server_store(folder.settings, double.url, short, 384, installation=THEIRS)
            with closing(store):
                store.collection.take_over()
        claim_stores(folder.settings)
        assert {name: double.owner(name) for name in double.created} == {
            f"lectern-{short}": ours for short in shorts
        }
