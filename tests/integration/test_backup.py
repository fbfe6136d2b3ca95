"""Backups of registries on both databases: what races, damage and older releases do to them."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, select, text

from corpus.access import UNRESTRICTED, Reader
from corpus.backup.archive import verify, written
from corpus.backup.making import Sources, back_up
from corpus.backup.manifest import Manifest
from corpus.backup.restoring import Restored, Targets, restore
from corpus.deletion import delete_document
from corpus.errors import BackupUnusable, DocumentNotFound, Misconfigured
from corpus.index.edge.store import EdgeVectorStore
from corpus.originals.folder import FolderOriginals
from corpus.originals.port import KeptOriginal
from corpus.reconciliation import reconcile
from corpus.registry.database.engine import (
    Registry,
    open_sqlite_registry,
    sqlite_registry_as_it_is,
)
from corpus.registry.database.postgres import open_postgres_registry
from corpus.registry.documents import find_document
from corpus.registry.fingerprints import remember_fingerprint
from corpus.registry.leases import claim_next
from corpus.registry.live_documents import live_documents
from corpus.registry.migrations import HEAD
from corpus.registry.migrations.upgrade import upgrade
from corpus.registry.new_versions import Content
from corpus.registry.schema import audiences, documents, jobs, pages, slack_events, versions
from corpus.registry.slack import take_event
from corpus.registry.uploads import Upload, accept_upload
from corpus.registry.versions import complete_version
from corpus.values import Coverage, PageText
from tests.postgres import new_database
from tests.samples.index_nodes import DIMENSION, a_node

FINGERPRINT: dict[str, Any] = {
    "model": "four numbers",
    "dimension": DIMENSION,
    "pooling": "mean",
    "prefix": "",
    "normalised": True,
    "chunker_version": 3,
}
CHUNKS = 3


@dataclass
class RacingOriginals:
    """A folder of originals that does something just before one of them is copied."""

    folder: FolderOriginals
    before_copy: Callable[[str], None] = field(default=lambda _: None)

    def receive(self) -> Any:  # noqa: ANN401
        return self.folder.receive()

    def stage(self, source: BinaryIO, *, max_bytes: int) -> Any:  # noqa: ANN401
        return self.folder.stage(source, max_bytes=max_bytes)

    @contextmanager
    def local_copy(self, content_sha256: str) -> Iterator[Path]:
        self.before_copy(content_sha256)
        with self.folder.local_copy(content_sha256) as path:
            yield path

    def delete(self, content_sha256: str) -> None:
        self.folder.delete(content_sha256)

    def kept(self) -> Iterator[KeptOriginal]:
        return self.folder.kept()

    def ping(self) -> None:
        self.folder.ping()

    def clear_staging(self) -> None:
        self.folder.clear_staging()


@dataclass
class Installation:
    registry: Registry
    originals: RacingOriginals
    store: EdgeVectorStore

    def upload(self, said: str, acl: tuple[str, ...] = ()) -> str:
        """A document that waits for its worker."""
        with self.originals.stage(BytesIO(said.encode()), max_bytes=1000) as staged:
            content = Content(staged.content_sha256, staged.size_bytes, "text/plain")
            with self.registry.write() as connection:
                wanted = Upload("default", f"{said}.txt", acl=acl, metadata={"said": said})
                accepted = accept_upload(connection, wanted, content, UNRESTRICTED)
                staged.keep()
        return accepted.document.id

    def add(self, said: str, acl: tuple[str, ...] = (), *, nodes: int = CHUNKS) -> str:
        """A document that answers."""
        document_id = self.upload(said, acl)
        self.store.add(
            [a_node(f"{said} {n}", ordinal=n, document_id=document_id) for n in range(nodes)]
        )
        with self.registry.write() as connection:
            job = claim_next(connection, "w1")
            assert job is not None
            remember_fingerprint(connection, "default", FINGERPRINT)
            assert complete_version(
                connection,
                job,
                read_pages=[PageText(1, said, 0)],
                page_count=1,
                chunk_count=CHUNKS,
                coverage=Coverage(1),
            )
        return document_id

    def delete(self, document_id: str) -> None:
        delete_document(self.registry, self.originals, self.store, document_id, UNRESTRICTED)

    def back_up(self, path: Path, *, with_vectors: bool = True) -> Manifest:
        sources = Sources(
            self.registry, self.originals, (lambda _: self.store) if with_vectors else None
        )
        with path.open("wb") as out, written(out, is_compressed=path.suffix == ".gz") as archive:
            return back_up(sources, archive, lambda _what, _count: None)

    def restore(self, path: Path, *, with_vectors: bool = True) -> Restored:
        store = self.store if with_vectors else None
        targets = Targets(self.registry, self.originals, store, "ours")
        return restore(path, verify(path), targets, lambda _what, _count: None)

    def read(self, document_id: str) -> bytes:
        with self.registry.read() as connection:
            query = select(versions.c.content_sha256).where(versions.c.document_id == document_id)
            content = connection.execute(query).scalar_one()
        with self.originals.folder.local_copy(content) as path:
            return path.read_bytes()

    def said(self) -> dict[str, str]:
        """What live documents say, by id: of the registry."""
        with self.registry.read() as connection:
            found = live_documents(connection, "default", UNRESTRICTED)
            return {one.id: one.metadata["said"] for one in found}


@contextmanager
def installed(registry: Registry, folder: Path) -> Iterator[Installation]:
    store = EdgeVectorStore.open(folder / "index", DIMENSION)
    yield Installation(registry, RacingOriginals(FolderOriginals(folder / "originals")), store)
    store.close()


@pytest.fixture
def here(registry: Registry, tmp_path: Path) -> Iterator[Installation]:
    with installed(registry, tmp_path / "here") as installation:
        yield installation


@pytest.fixture(params=["to sqlite", "to postgres"])
def there(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    if request.param == "to sqlite":
        opened = sqlite_registry_as_it_is(tmp_path / "there.sqlite")
    else:
        opened = open_postgres_registry(SecretStr(request.getfixturevalue("second_postgres_url")))
    with installed(opened, tmp_path / "there") as installation:
        yield installation
    opened.close()


@pytest.fixture
def second_postgres_url(postgres_server: str) -> Iterator[str]:
    with new_database(postgres_server) as url:
        yield url


def rows(registry: Registry) -> Mapping[str, list[Any]]:
    found = {}
    with registry.read() as connection:
        for table in (documents, versions, pages, jobs, audiences, slack_events):
            everything = connection.execute(select(table)).all()
            found[table.name] = sorted(map(tuple, everything), key=repr)
    return found


def test_every_row_original_and_vector_comes_back_on_either_database(
    here: Installation, there: Installation, tmp_path: Path
) -> None:
    ids = {here.add("copper"): "copper", here.add("wheat", acl=("group:Ä",)): "wheat"}
    waiting = here.upload("granite")
    with here.registry.write() as connection:
        take_event(connection, "Ev1")
    manifest = here.back_up(tmp_path / "b.tar")
    assert (manifest.points, manifest.originals) == (2 * CHUNKS, 3)
    restored = there.restore(tmp_path / "b.tar")
    assert restored == Restored(documents=2, read_again=0)
    assert rows(there.registry) == rows(here.registry)
    assert there.said() == ids
    assert there.read(waiting) == b"granite"
    wheat = next(one for one, said in ids.items() if said == "wheat")
    stranger = Reader(principals=frozenset({"group:b"}))
    with there.registry.read() as connection, pytest.raises(DocumentNotFound):
        find_document(connection, wheat, stranger)
    for document_id in ids:
        stored = here.store.get_nodes(), there.store.get_nodes()
        assert [node.dict() for node in stored[0]] == [node.dict() for node in stored[1]]
        assert document_id in here.store.document_counts()
    assert not reconcile(there.registry, there.store)
    # The queue goes on.
    with there.registry.write() as connection:
        job = claim_next(connection, "w2")
    assert job is not None
    assert job.document_id == waiting


def test_a_document_deleted_before_its_original_is_copied_is_not_in_the_backup(
    here: Installation, there: Installation, tmp_path: Path
) -> None:
    kept, first = here.add("copper"), here.add("wheat")
    late: list[str] = []

    def race(content_sha256: str) -> None:
        # Once in the first round, and once between the snapshot and the copy of what is new.
        if first in here.said():
            here.delete(first)
            late.append(here.add("linen"))
        elif late and late[0] in here.said() and content_sha256 == sha_of(here, late[0]):
            here.delete(late[0])

    here.originals.before_copy = race
    manifest = here.back_up(tmp_path / "b.tar")
    assert late
    assert manifest.unreadable == ()
    assert there.restore(tmp_path / "b.tar") == Restored(documents=1, read_again=0)
    assert there.said() == {kept: "copper"}
    assert there.read(kept) == b"copper"


def sha_of(installation: Installation, document_id: str) -> str:
    with installation.registry.read() as connection:
        query = select(versions.c.content_sha256).where(versions.c.document_id == document_id)
        return str(connection.execute(query).scalar_one())


class Vanishing:
    """The index of a document that is deleted between the snapshot and the vectors."""

    def __init__(self, installation: Installation, document_id: str) -> None:
        self._installation = installation
        self._document_id = document_id

    def scroll(self, after: str | None, limit: int) -> Any:  # noqa: ANN401
        if after is None:
            self._installation.delete(self._document_id)
        return self._installation.store.scroll(after, limit)


def test_vectors_that_left_since_the_snapshot_are_made_again(
    here: Installation, there: Installation, tmp_path: Path
) -> None:
    kept, gone = here.add("copper"), here.add("wheat")
    sources = Sources(here.registry, here.originals, lambda _: Vanishing(here, gone))
    with (tmp_path / "b.tar").open("wb") as out, written(out, is_compressed=False) as archive:
        back_up(sources, archive, lambda _what, _count: None)
    assert there.restore(tmp_path / "b.tar") == Restored(documents=2, read_again=1)
    assert there.said() == {kept: "copper", gone: "wheat"}
    assert there.read(gone) == b"wheat"
    with there.registry.write() as connection:
        job = claim_next(connection, "w2")
    assert job is not None
    assert job.document_id == gone


def test_nodes_of_no_live_version_are_left_out(here: Installation, tmp_path: Path) -> None:
    here.add("copper")
    here.store.add([a_node("stray", document_id="99999999-9999-4999-8999-999999999999")])
    assert here.back_up(tmp_path / "b.tar").points == CHUNKS


def test_an_original_that_is_missing_is_named_and_does_not_end_the_backup(
    here: Installation, there: Installation, tmp_path: Path
) -> None:
    damaged, gone = here.add("copper"), here.add("wheat")
    damaged_sha, gone_sha = sha_of(here, damaged), sha_of(here, gone)
    here.originals.delete(gone_sha)
    with here.originals.folder.local_copy(damaged_sha) as path:
        path.write_bytes(b"cupper")
    manifest = here.back_up(tmp_path / "b.tar")
    assert set(manifest.unreadable) == {damaged_sha, gone_sha}
    assert there.restore(tmp_path / "b.tar").documents == 2
    assert [one.content_sha256 for one in there.originals.kept()] != [damaged_sha]


def test_without_vectors_everything_is_read_again(
    here: Installation, there: Installation, tmp_path: Path
) -> None:
    here.add("copper")
    here.back_up(tmp_path / "b.tar.gz", with_vectors=False)
    restored = there.restore(tmp_path / "b.tar.gz", with_vectors=False)
    assert restored == Restored(documents=1, read_again=1)


def broken(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    if how == "cut":
        del data[len(data) // 2 :]
    elif how == "flipped":
        data[data.index(b"copper")] ^= 1
    elif how == "empty":
        data.clear()
    elif how == "another file":
        data[:] = b"%PDF-1.7" * 100
    elif how == "cut and packed":
        data = bytearray(gzip.compress(bytes(data))[:-300])
    else:
        with tarfile.open(path) as tar, tarfile.open(path.with_suffix(".2"), "w") as out:
            for info in tar:
                if how == "more" and info.name == "SHA256SUMS":
                    out.addfile(tarfile.TarInfo("registry/documents.000009.jsonl"))
                if not (how == "fewer" and info.name.startswith("vectors/000001.f32")):
                    out.addfile(info, tar.extractfile(info))
        data = bytearray(path.with_suffix(".2").read_bytes())
    path.write_bytes(data)


@pytest.mark.parametrize(
    "how", ["cut", "flipped", "empty", "another file", "cut and packed", "fewer", "more"]
)
def test_damage_is_found_before_anything_is_touched(
    registry_of_sqlite: Registry, tmp_path: Path, how: str
) -> None:
    with installed(registry_of_sqlite, tmp_path) as here:
        here.add("copper")
        here.back_up(tmp_path / "b.tar")
        verify(tmp_path / "b.tar")
        broken(tmp_path / "b.tar", how)
        with pytest.raises(BackupUnusable):
            verify(tmp_path / "b.tar")


@pytest.fixture
def registry_of_sqlite(tmp_path: Path) -> Iterator[Registry]:
    opened = open_sqlite_registry(tmp_path / "registry.sqlite")
    yield opened
    opened.close()


def test_no_file_is_no_backup(tmp_path: Path) -> None:
    with pytest.raises(BackupUnusable, match="no file"):
        verify(tmp_path / "b.tar")


def test_the_backup_of_an_older_release_is_brought_up_to_date(
    there: Installation, tmp_path: Path
) -> None:
    path = tmp_path / "old.sqlite"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        upgrade(connection, "base", "0004")
        for statement in (
            "INSERT INTO collections (name, created_at) VALUES ('default', '2026-01-01 00:00:00')",
            """INSERT INTO documents (id, collection, identity, version, live_version, metadata,
            acl, created_at, updated_at) VALUES ('d1', 'default', 'sha256:a', 1, 1, '{"said": 1}',
            '["group:a"]', '2026-01-01 00:00:00.000001', '2026-01-01 00:00:00')""",
        ):
            connection.execute(text(statement))
    engine.dispose()
    old = sqlite_registry_as_it_is(path)
    with installed(old, tmp_path / "old") as here:
        manifest = here.back_up(tmp_path / "b.tar")
    assert manifest.revision == "0004"
    with old.read() as connection:
        # Making a backup before an update must not be the update.
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == (
            "0004"
        )
    old.close()
    assert HEAD != "0004"
    there.restore(tmp_path / "b.tar")
    with there.registry.read() as connection:
        row = connection.execute(select(documents)).one()
    assert row.created_at.microsecond == 1
    assert row.audience is not None


def test_the_tables_of_a_newer_release_are_refused(
    here: Installation, there: Installation, tmp_path: Path
) -> None:
    here.add("copper")
    kept = there.registry
    with here.registry.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    here.back_up(tmp_path / "b.tar")
    with pytest.raises(Misconfigured, match="newer Lectern"):
        Installation(kept, there.originals, there.store).restore(tmp_path / "b.tar")
