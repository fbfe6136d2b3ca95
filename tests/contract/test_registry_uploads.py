from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from corpus.access import UNRESTRICTED
from corpus.errors import DocumentNotFound, StorageUnavailable
from corpus.registry.database.engine import Registry, open_sqlite_registry
from corpus.registry.deletions import buried, bury, forget
from corpus.registry.documents import find_document, list_documents, live_versions
from corpus.registry.leases import SUSPECT_CLAIMS, Lease, claim_next, give_back, release_all, renew
from corpus.registry.new_versions import Content
from corpus.registry.uploads import Acceptance, Upload, accept_upload
from corpus.registry.versions import (
    complete_version,
    fail_version,
    find_version,
    is_wanted,
    report_progress,
)
from corpus.values import Coverage, ErrorReport, PageText, Status

PDF = "application/pdf"


def accept(registry: Registry, sha256: str = "a" * 64, **upload: object) -> Acceptance:
    with registry.write() as connection:
        return accept_upload(
            connection,
            Upload(**{"collection": "default", "filename": "f.pdf", **upload}),  # type: ignore[arg-type]
            Content(sha256, 10, PDF),
            UNRESTRICTED,
        )


def claim(registry: Registry, worker: str = "w1") -> Lease | None:
    with registry.write() as connection:
        return claim_next(connection, worker)


def complete(registry: Registry, job: Lease, **coverage: object) -> bool:
    with registry.write() as connection:
        return complete_version(
            connection,
            job,
            read_pages=[PageText(1, "text", 0)],
            page_count=1,
            chunk_count=1,
            coverage=Coverage(1, **coverage),  # type: ignore[arg-type]
        )


def test_an_upload_is_listed_and_queued_at_once(registry: Registry) -> None:
    accepted = accept(registry)
    assert accepted.document.status is Status.QUEUED
    assert not accepted.duplicate
    with registry.read() as connection:
        documents, cursor = list_documents(connection, UNRESTRICTED)
    assert [document.id for document in documents] == [accepted.document.id]
    assert cursor is None
    job = claim(registry)
    assert job is not None
    assert (job.document_id, job.version) == (accepted.document.id, 1)


def test_the_same_bytes_are_the_same_document_under_concurrency(registry: Registry) -> None:
    with ThreadPoolExecutor(8) as pool:
        accepted = list(pool.map(lambda _: accept(registry), range(24)))
    assert len({one.document.id for one in accepted}) == 1
    assert sum(not one.duplicate for one in accepted) == 1


def test_the_same_bytes_in_another_collection_are_another_document(registry: Registry) -> None:
    first, second = accept(registry), accept(registry, collection="other")
    assert first.document.id != second.document.id


def test_two_external_ids_may_hold_the_same_bytes(registry: Registry) -> None:
    first = accept(registry, external_id="one")
    second = accept(registry, external_id="two")
    assert first.document.id != second.document.id


def test_new_bytes_under_a_known_external_id_are_the_next_version(registry: Registry) -> None:
    first = accept(registry, external_id="one")
    job = claim(registry)
    assert job is not None
    assert complete(registry, job)
    second = accept(registry, "b" * 64, external_id="one")
    assert second.document.id == first.document.id
    assert (second.document.version, second.document.live_version) == (2, 1)
    with registry.read() as connection:
        assert live_versions(connection, [first.document.id], UNRESTRICTED) == {
            first.document.id: 1
        }


def test_the_same_bytes_after_a_failure_are_queued_again(registry: Registry) -> None:
    accepted = accept(registry)
    job = claim(registry)
    assert job is not None
    with registry.write() as connection:
        report = ErrorReport("broken_file", "Broken.", "Mend it.")
        assert fail_version(connection, job, error=report, coverage=Coverage())
    again = accept(registry)
    assert again.document.id == accepted.document.id
    assert again.document.status is Status.QUEUED
    assert claim(registry) is not None


def test_a_leased_job_is_not_given_to_another_worker(registry: Registry) -> None:
    accept(registry)
    assert claim(registry, "w1") is not None
    assert claim(registry, "w2") is None


def test_a_released_job_is_claimed_again_and_its_old_worker_changes_nothing(
    registry: Registry,
) -> None:
    accept(registry)
    job = claim(registry, "w1")
    assert job is not None
    with registry.write() as connection:
        assert release_all(connection) == 1
    again = claim(registry, "w2")
    assert again is not None
    assert again.claims == 2
    with registry.write() as connection:
        assert not renew(connection, job)
        assert not give_back(connection, job, failures=0, outages=0, delay_s=0)
        assert not report_progress(connection, job, Status.PARSING)
    assert not complete(registry, job)
    assert complete(registry, again)


def test_a_job_that_took_its_workers_with_it_lets_the_others_go_first(registry: Registry) -> None:
    poison = accept(registry)
    for _ in range(SUSPECT_CLAIMS + 1):
        assert claim(registry) is not None
        with registry.write() as connection:
            release_all(connection)
    fresh = accept(registry, "b" * 64)
    first, second = claim(registry), claim(registry)
    assert first is not None
    assert second is not None
    assert first.document_id == fresh.document.id
    assert second.document_id == poison.document.id


def test_a_job_that_was_interrupted_once_keeps_its_turn(registry: Registry) -> None:
    oldest = accept(registry)
    assert claim(registry) is not None
    with registry.write() as connection:
        release_all(connection)
    accept(registry, "b" * 64)
    first = claim(registry)
    assert first is not None
    assert first.document_id == oldest.document.id


def test_a_job_given_back_in_order_is_shown_as_queued_and_its_claim_does_not_count(
    registry: Registry,
) -> None:
    accepted = accept(registry)
    job = claim(registry)
    assert job is not None
    with registry.write() as connection:
        assert report_progress(connection, job, Status.EMBEDDING)
        assert give_back(connection, job, failures=0, outages=0, delay_s=0)
        assert find_document(connection, accepted.document.id, UNRESTRICTED).status is Status.QUEUED
    again = claim(registry)
    assert again is not None
    assert again.claims == 1


def test_a_newer_version_takes_the_place_of_one_that_waits(registry: Registry) -> None:
    accept(registry, external_id="one")
    old = claim(registry)
    assert old is not None
    accept(registry, "b" * 64, external_id="one")
    assert not complete(registry, old)
    new = claim(registry)
    assert new is not None
    assert new.version == 2
    assert complete(registry, new)
    assert claim(registry) is None
    with registry.read() as connection:
        assert live_versions(connection, [old.document_id], UNRESTRICTED) == {old.document_id: 2}
        assert find_version(connection, old.document_id, 1).content_sha256 == "a" * 64
        assert not is_wanted(connection, old.document_id, 1)
        assert is_wanted(connection, old.document_id, 2)


def test_a_deletion_that_broke_off_can_be_asked_for_again(registry: Registry) -> None:
    accepted = accept(registry)
    with registry.write() as connection:
        bury(connection, accepted.document.id, UNRESTRICTED)
        bury(connection, accepted.document.id, UNRESTRICTED)
        forget(connection, accepted.document.id)
        with pytest.raises(DocumentNotFound):
            bury(connection, accepted.document.id, UNRESTRICTED)


def test_a_database_that_stays_locked_is_named_as_such(tmp_path: Path) -> None:
    registry = open_sqlite_registry(tmp_path / "registry.sqlite", busy_timeout_ms=100)
    with registry.write(), pytest.raises(StorageUnavailable), registry.write():
        pass
    registry.close()


def test_a_completed_version_goes_live_with_its_pages(registry: Registry) -> None:
    accepted = accept(registry)
    job = claim(registry)
    assert job is not None
    assert complete(registry, job)
    with registry.read() as connection:
        document = find_document(connection, accepted.document.id, UNRESTRICTED)
        assert live_versions(connection, [document.id, "unknown"], UNRESTRICTED) == {document.id: 1}
    assert document.status is Status.READY
    assert claim(registry) is None


def test_pages_without_text_make_a_document_partial(registry: Registry) -> None:
    accepted = accept(registry)
    job = claim(registry)
    assert job is not None
    assert complete(registry, job, pages_needing_ocr=(2, 3))
    with registry.read() as connection:
        document = find_document(connection, accepted.document.id, UNRESTRICTED)
    assert document.status is Status.PARTIAL
    assert document.coverage.pages_needing_ocr == (2, 3)


def test_a_buried_document_is_gone_for_everyone_and_its_bytes_can_come_back(
    registry: Registry,
) -> None:
    accepted = accept(registry)
    job = claim(registry)
    assert job is not None
    with registry.write() as connection:
        bury(connection, accepted.document.id, UNRESTRICTED)
    with registry.read() as connection:
        assert live_versions(connection, [accepted.document.id], UNRESTRICTED) == {}
        assert list_documents(connection, UNRESTRICTED) == ([], None)
        assert buried(connection) == [accepted.document.id]
        with pytest.raises(DocumentNotFound):
            find_document(connection, accepted.document.id, UNRESTRICTED)
    assert not complete(registry, job)
    again = accept(registry)
    assert again.document.id != accepted.document.id
    with registry.write() as connection:
        forget(connection, accepted.document.id)
        assert buried(connection) == []


def test_listing_goes_through_all_pages_in_order(registry: Registry) -> None:
    uploaded = [accept(registry, f"{number:064d}").document.id for number in range(7)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        with registry.read() as connection:
            documents, cursor = list_documents(connection, UNRESTRICTED, limit=3, cursor=cursor)
        seen += [document.id for document in documents]
        if cursor is None:
            break
    assert seen == uploaded[::-1]
