"""Originals against rows, and rows against each other: what a crash may leave is put right."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from corpus.access import UNRESTRICTED
from corpus.deletion import delete_document, finish_deletions
from corpus.index.edge.store import EdgeVectorStore
from corpus.original_audit import OriginalRepairs, audit_originals, unmatched
from corpus.originals.folder import FolderOriginals
from corpus.originals.port import KeptOriginal
from corpus.registry.database.engine import Registry, open_sqlite_registry
from corpus.registry.deletions import bury
from corpus.registry.documents import find_document
from corpus.registry.leases import claim_next
from corpus.registry.loose_originals import noting
from corpus.registry.new_versions import Content
from corpus.registry.retention import retire_versions
from corpus.registry.schema import documents, jobs, loose_originals, versions
from corpus.registry.strays import drop_jobs_of_nothing, queue_stranded
from corpus.registry.uploads import Upload, accept_replacement, accept_upload
from corpus.values import Document, Status
from tests.samples.index_nodes import DIMENSION

TEN_YEARS_S = 10 * 365 * 86400.0


@dataclass
class Installation:
    folder: Path
    registry: Registry
    originals: FolderOriginals
    store: EdgeVectorStore

    def keep(self, text: str) -> str:
        """Bytes in the store that no row speaks of."""
        with self.originals.stage(BytesIO(text.encode()), max_bytes=100) as staged:
            staged.keep()
        return staged.content_sha256

    def upload(self, text: str) -> Document:
        content = Content(self.keep(text), len(text), "text/plain")
        with self.registry.write() as connection:
            return accept_upload(
                connection, Upload("default", "f.txt"), content, UNRESTRICTED
            ).document

    def is_kept(self, content_sha256: str) -> bool:
        return content_sha256 in {one.content_sha256 for one in self.originals.kept()}

    def noted(self) -> list[str]:
        with self.registry.read() as connection:
            return list(connection.execute(select(loose_originals.c.content_sha256)).scalars())

    def age_notes(self) -> None:
        """Let all that is noted have been noted ten years ago."""
        then = datetime.now(UTC) - timedelta(seconds=TEN_YEARS_S)
        with self.registry.write() as connection:
            connection.execute(loose_originals.update().values(noted_at=then))

    def age(self, content_sha256: str) -> None:
        """Let the original be ten years old."""
        with self.originals.local_copy(content_sha256) as path:
            long_ago = path.stat().st_mtime - TEN_YEARS_S
            os.utime(path, (long_ago, long_ago))


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    registry = open_sqlite_registry(tmp_path / "registry.sqlite")
    store = EdgeVectorStore.open(tmp_path / "index", DIMENSION)
    yield Installation(tmp_path, registry, FolderOriginals(tmp_path / "originals"), store)
    store.close()
    registry.close()


def test_what_is_in_line_stays(installation: Installation) -> None:
    documents = [installation.upload(f"text {n}") for n in range(20)]
    for document in documents:
        installation.age(document.content_sha256)
    assert not audit_originals(installation.registry, installation.originals)
    assert all(installation.is_kept(document.content_sha256) for document in documents)


def test_an_original_that_no_version_refers_to_is_removed(installation: Installation) -> None:
    installation.upload("text")
    stray = installation.keep("nobody's")
    installation.age(stray)
    repairs = audit_originals(installation.registry, installation.originals, unknown_too=True)
    assert repairs == OriginalRepairs(removed=(stray,))
    assert not installation.is_kept(stray)


def test_an_older_copy_of_the_registry_removes_nothing_that_was_added_since(
    installation: Installation,
) -> None:
    installation.upload("before")
    copy = installation.folder / "copy.sqlite"
    with (
        closing(sqlite3.connect(installation.folder / "registry.sqlite")) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
    since = installation.upload("since").content_sha256
    installation.age(since)
    with closing(open_sqlite_registry(copy)) as older:
        repairs = audit_originals(older, installation.originals)
    assert repairs == OriginalRepairs(unknown=(since,))
    assert installation.is_kept(since)


def test_what_was_noted_is_removed_where_no_version_came_to_refer_to_it(
    installation: Installation,
) -> None:
    left, needed = installation.keep("left"), installation.upload("needed").content_sha256
    for content_sha256 in (left, needed):
        installation.age(content_sha256)
        noting(installation.registry, content_sha256)()
    assert audit_originals(installation.registry, installation.originals).removed == ()
    installation.age_notes()
    repairs = audit_originals(installation.registry, installation.originals)
    assert repairs == OriginalRepairs(removed=(left,))
    assert not installation.is_kept(left)
    assert installation.is_kept(needed)
    assert installation.noted() == []


def test_the_original_of_a_retired_version_is_noted_until_it_is_removed(
    installation: Installation,
) -> None:
    document = installation.upload("first")
    for text in ("second", "third"):
        content = Content(installation.keep(text), len(text), "text/plain")
        with installation.registry.write() as connection:
            accept_replacement(connection, document.id, "f.txt", content, UNRESTRICTED)
    with installation.registry.write() as connection:
        connection.execute(documents.update().values(live_version=3, previous_version=2))
        assert retire_versions(connection, document.id) == {document.content_sha256}
    installation.age(document.content_sha256)
    installation.age_notes()
    repairs = audit_originals(installation.registry, installation.originals)
    assert repairs == OriginalRepairs(removed=(document.content_sha256,))


def test_an_upload_in_flight_is_not_touched(installation: Installation) -> None:
    new = installation.keep("not committed yet")
    again = installation.keep("old bytes")
    installation.age(again)
    installation.keep("old bytes")  # uploaded anew a moment ago
    assert not audit_originals(installation.registry, installation.originals)
    assert installation.is_kept(new)
    assert installation.is_kept(again)


def test_a_missing_original_is_named(installation: Installation) -> None:
    document = installation.upload("text")
    installation.originals.delete(document.content_sha256)
    repairs = audit_originals(installation.registry, installation.originals)
    assert repairs == OriginalRepairs(missing=(document.content_sha256,))


def test_a_version_without_a_job_is_queued_again(installation: Installation) -> None:
    document = installation.upload("text")
    with installation.registry.write() as connection:
        connection.execute(delete(jobs))
        assert queue_stranded(connection) == [document.id]
        assert queue_stranded(connection) == []
        job = claim_next(connection, "w1")
    assert job is not None
    assert (job.document_id, job.version) == (document.id, 1)


def test_a_version_at_work_a_final_one_and_a_deleted_one_are_not_queued_again(
    installation: Installation,
) -> None:
    installation.upload("at work")
    final, deleted = installation.upload("final"), installation.upload("deleted")
    with installation.registry.write() as connection:
        claim_next(connection, "w1")
        connection.execute(delete(jobs).where(jobs.c.document_id == final.id))
        connection.execute(
            versions.update()
            .where(versions.c.document_id == final.id)
            .values(status=Status.PARTIAL)
        )
        bury(connection, deleted.id, UNRESTRICTED)
        assert queue_stranded(connection) == []
        assert find_document(connection, final.id, UNRESTRICTED).status is Status.PARTIAL


def test_a_job_of_a_version_that_does_not_exist_is_removed(installation: Installation) -> None:
    document = installation.upload("text")
    with installation.registry.write() as connection:
        row = connection.execute(select(jobs)).mappings().one()
        connection.execute(insert(jobs).values({**row, "id": str(uuid4()), "version": 9}))
        assert drop_jobs_of_nothing(connection) == 1
        assert connection.execute(select(jobs.c.document_id)).scalars().all() == [document.id]


def test_a_deletion_that_broke_off_is_ended_later_and_not_under_way(
    installation: Installation,
) -> None:
    document = installation.upload("text")
    with installation.registry.write() as connection:
        bury(connection, document.id, UNRESTRICTED)
    parts = (installation.registry, installation.originals, installation.store)
    assert finish_deletions(*parts, for_s=3600) == 0
    assert finish_deletions(*parts) == 1
    assert not installation.is_kept(document.content_sha256)


def test_deleted_text_leaves_the_registrys_files_with_its_log(installation: Installation) -> None:
    def is_on_disk(text: str) -> bool:
        files = installation.folder.glob("registry.sqlite*")
        return any(text.encode() in path.read_bytes() for path in files)

    with installation.registry.write() as connection:
        content = Content(uuid4().hex * 2, 10, "text/plain")
        upload = Upload("default", "xylophonist.txt", metadata={"note": "zitherist"})
        document = accept_upload(connection, upload, content, UNRESTRICTED).document
    delete_document(
        installation.registry, installation.originals, installation.store, document.id, UNRESTRICTED
    )
    assert is_on_disk("xylophonist")  # else this test shows nothing
    assert installation.registry.truncate_log()
    assert not is_on_disk("xylophonist")
    assert not is_on_disk("zitherist")


def test_the_log_is_left_alone_while_somebody_reads(installation: Installation) -> None:
    with installation.registry.read() as connection:
        connection.execute(select(jobs)).all()
        installation.upload("text")
        assert not installation.registry.truncate_log()
    assert installation.registry.truncate_log()


HASHES = st.sets(st.text("0123456789abcdef", min_size=1, max_size=3))


@given(kept=HASHES, referenced=HASHES)
def test_each_difference_is_found_once_and_nothing_else(
    kept: set[str], referenced: set[str]
) -> None:
    originals = iter([KeptOriginal(content, 0.0) for content in sorted(kept)])
    found = list(unmatched(originals, iter(sorted(referenced))))
    only_kept = [one.content_sha256 for one in found if isinstance(one, KeptOriginal)]
    only_referenced = [one for one in found if isinstance(one, str)]
    assert only_kept == sorted(kept - referenced)
    assert only_referenced == sorted(referenced - kept)
