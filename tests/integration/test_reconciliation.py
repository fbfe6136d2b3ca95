from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from corpus.access import UNRESTRICTED
from corpus.index.edge.store import EdgeVectorStore
from corpus.index.selections import of_version
from corpus.reconciliation import Repairs, keep_only, reconcile
from corpus.registry.audit import Expected
from corpus.registry.database.engine import Registry, open_sqlite_registry
from corpus.registry.documents import find_document
from corpus.registry.leases import claim_next
from corpus.registry.new_versions import Content
from corpus.registry.uploads import Upload, accept_replacement, accept_upload
from corpus.registry.versions import complete_version, fail_version
from corpus.values import Coverage, ErrorReport, PageText, Status
from tests.samples.index_nodes import DIMENSION, a_node

CHUNKS = 4


@dataclass
class Installation:
    registry: Registry
    store: EdgeVectorStore

    def upload(self, name: str = "x") -> str:
        with self.registry.write() as connection:
            content = Content(uuid4().hex * 2, 10, "text/plain")
            accepted = accept_upload(
                connection, Upload("default", "f", name), content, UNRESTRICTED
            )
        return accepted.document.id

    def write(self, document_id: str, version: int, count: int = CHUNKS) -> None:
        self.store.add(
            [
                a_node(f"text {n}", ordinal=n, document_id=document_id, version=version)
                for n in range(count)
            ]
        )

    def make_live(self, document_id: str) -> None:
        with self.registry.write() as connection:
            job = claim_next(connection, "w1")
            assert job is not None
            assert complete_version(
                connection,
                job,
                read_pages=[PageText(1, "text", 0)],
                page_count=1,
                chunk_count=CHUNKS,
                coverage=Coverage(1),
            )

    def fail_next_version(self, document_id: str) -> None:
        with self.registry.write() as connection:
            content = Content(uuid4().hex * 2, 10, "text/plain")
            accept_replacement(connection, document_id, "f", content, UNRESTRICTED)
            job = claim_next(connection, "w1")
            assert job is not None
            report = ErrorReport("broken_file", "Broken.", "Mend it.")
            assert fail_version(connection, job, error=report, coverage=Coverage())

    def status(self, document_id: str) -> Status:
        with self.registry.read() as connection:
            return find_document(connection, document_id, UNRESTRICTED).status


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    registry = open_sqlite_registry(tmp_path / "registry.sqlite")
    store = EdgeVectorStore.open(tmp_path / "index", DIMENSION)
    yield Installation(registry, store)
    store.close()
    registry.close()


def test_what_is_in_line_stays_untouched(installation: Installation) -> None:
    document_id = installation.upload()
    installation.write(document_id, 1)
    installation.make_live(document_id)
    assert not reconcile(installation.registry, installation.store)
    assert installation.store.document_counts() == {document_id: CHUNKS}


def test_nodes_of_a_document_that_is_gone_are_removed(installation: Installation) -> None:
    gone = str(uuid4())
    installation.write(gone, 1)
    repairs = reconcile(installation.registry, installation.store)
    assert repairs == Repairs(orphans_removed=(gone,))
    assert installation.store.count(None) == 0


def test_nodes_of_other_versions_are_removed_and_the_live_ones_stay(
    installation: Installation,
) -> None:
    document_id = installation.upload()
    installation.write(document_id, 1)
    installation.make_live(document_id)
    installation.fail_next_version(document_id)
    installation.write(document_id, 2, count=3)
    repairs = reconcile(installation.registry, installation.store)
    assert repairs == Repairs(leftovers_removed=(document_id,))
    assert {node.metadata["version"] for node in installation.store.get_nodes()} == {1}
    assert installation.store.count(None) == CHUNKS


def test_a_live_document_that_lacks_nodes_is_ingested_again(installation: Installation) -> None:
    document_id = installation.upload()
    installation.write(document_id, 1, count=CHUNKS - 1)
    installation.make_live(document_id)
    repairs = reconcile(installation.registry, installation.store)
    assert repairs == Repairs(queued_again=(document_id,))
    assert installation.status(document_id) is Status.QUEUED
    with installation.registry.write() as connection:
        job = claim_next(connection, "w2")
    assert job is not None
    assert (job.document_id, job.version) == (document_id, 1)
    # Its worker has it now: the next look leaves it alone.
    assert not reconcile(installation.registry, installation.store)


def test_a_live_document_with_nodes_too_many_is_written_anew(installation: Installation) -> None:
    document_id = installation.upload()
    installation.write(document_id, 1, count=CHUNKS + 2)
    installation.make_live(document_id)
    repairs = reconcile(installation.registry, installation.store)
    assert repairs.queued_again == (document_id,)
    assert installation.store.count(None) == 0


def test_a_document_that_is_being_ingested_is_left_to_its_worker(
    installation: Installation,
) -> None:
    document_id = installation.upload()
    installation.write(document_id, 1, count=2)
    assert not reconcile(installation.registry, installation.store)
    assert installation.store.count(None) == 2


def test_of_a_restored_registry_only_what_it_tells_of_is_kept(installation: Installation) -> None:
    kept, replaced, longer, gone, waiting = (str(uuid4()) for _ in range(5))
    for document_id, version, count in (
        (kept, 1, CHUNKS),
        (replaced, 2, CHUNKS),
        (replaced, 3, CHUNKS),
        (longer, 1, CHUNKS + 2),  # the same version, cut otherwise
        (gone, 1, 1),
        (waiting, 1, 1),
    ):
        installation.write(document_id, version, count)
    expected = {
        kept: Expected(1, CHUNKS, newest=1, has_job=False),
        replaced: Expected(2, CHUNKS, newest=2, has_job=False),
        longer: Expected(1, CHUNKS, newest=1, has_job=False),
        waiting: Expected(None, 0, newest=1, has_job=True),
    }
    keep_only(installation.store, expected)
    wanted = dict.fromkeys((kept, replaced, longer), CHUNKS)
    assert installation.store.document_counts() == wanted
    assert installation.store.count(of_version(replaced, 2)) == CHUNKS
    assert {node.metadata["ordinal"] for node in installation.store.get_nodes()} == {*range(CHUNKS)}
    keep_only(installation.store, {})
    assert installation.store.count() == 0
