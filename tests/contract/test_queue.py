"""Whose turn it is, and what a document says while it waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select, update

from corpus.access import UNRESTRICTED
from corpus.errors import EmbeddingMismatch
from corpus.registry.chunkers import (
    count_left_to_newer,
    cut_all_by,
    read_all_again,
    rechunk,
    rechunk_ahead,
)
from corpus.registry.database.engine import Registry
from corpus.registry.documents import find_document
from corpus.registry.fingerprints import check_fingerprints, remember_fingerprint
from corpus.registry.jobs import count_waiting
from corpus.registry.leases import (
    BULK_PATIENCE_S,
    SUSPECT_CLAIMS,
    Lease,
    claim_next,
    give_back,
    release_all,
    release_jobs_of,
)
from corpus.registry.new_versions import Content
from corpus.registry.schema import jobs, workers
from corpus.registry.steering import cancel_ingestion, ingest_again
from corpus.registry.uploads import Upload, accept_replacement, accept_upload
from corpus.registry.versions import complete_version, fail_version, report_progress
from corpus.registry.workers import SILENT_AFTER_S, beat, count_alive, leave
from corpus.values import Coverage, Document, ErrorReport, PageText, Status
from corpus.work import work_for


def content() -> Content:
    return Content(uuid4().hex * 2, 10, "text/plain")


def upload(registry: Registry, collection: str = "default", *, is_bulk: bool = False) -> str:
    with registry.write() as connection:
        accepted = accept_upload(
            connection, Upload(collection, "f.txt", is_bulk=is_bulk), content(), UNRESTRICTED
        )
    return accepted.document.id


def claim(registry: Registry) -> Lease | None:
    with registry.write() as connection:
        return claim_next(connection, "w1")


def claimed_id(registry: Registry) -> str:
    job = claim(registry)
    assert job is not None
    return job.document_id


def document(registry: Registry, document_id: str) -> Document:
    with registry.read() as connection:
        return find_document(connection, document_id, UNRESTRICTED)


def complete(registry: Registry, job: Lease) -> bool:
    with registry.write() as connection:
        return complete_version(
            connection,
            job,
            read_pages=[PageText(1, "text", 0)],
            page_count=1,
            chunk_count=1,
            coverage=Coverage(1),
        )


def live(registry: Registry) -> str:
    document_id = upload(registry)
    job = claim(registry)
    assert job is not None
    assert complete(registry, job)
    return document_id


def fail(registry: Registry, job: Lease) -> None:
    with registry.write() as connection:
        assert fail_version(
            connection,
            job,
            error=ErrorReport("broken_file", "It is broken.", "Mend it."),
            coverage=Coverage(),
        )


def test_a_single_upload_goes_before_an_import_that_came_first(registry: Registry) -> None:
    imported = [upload(registry, is_bulk=True) for _ in range(3)]
    single = upload(registry)
    assert [claimed_id(registry) for _ in range(4)] == [single, *imported]


def test_an_import_that_waited_long_takes_its_turn(registry: Registry) -> None:
    imported = upload(registry, is_bulk=True)
    single = upload(registry)
    then = datetime.now(UTC) - timedelta(seconds=BULK_PATIENCE_S + 1)
    with registry.write() as connection:
        connection.execute(
            update(jobs)
            .where(jobs.c.document_id == imported)
            .values(created_at=then, run_after=then)
        )
    assert [claimed_id(registry), claimed_id(registry)] == [imported, single]


def test_collections_take_turns(registry: Registry) -> None:
    large = [upload(registry, "large") for _ in range(4)]
    small = [upload(registry, "small") for _ in range(2)]
    turns = [claimed_id(registry) for _ in range(6)]
    assert turns == [large[0], small[0], large[1], small[1], large[2], large[3]]


def test_a_job_that_took_its_worker_with_it_goes_last(registry: Registry) -> None:
    poison = upload(registry)
    for _ in range(SUSPECT_CLAIMS + 1):
        assert claimed_id(registry) == poison
        with registry.write() as connection:
            release_all(connection)
    innocent = upload(registry, is_bulk=True)
    assert [claimed_id(registry), claimed_id(registry)] == [innocent, poison]


def test_only_the_jobs_of_the_process_that_ended_are_queued_again(registry: Registry) -> None:
    for worker in ("host:1:aa", "host:11:bb", "host:1:cc"):
        upload(registry)
        with registry.write() as connection:
            assert claim_next(connection, worker) is not None
    with registry.write() as connection:
        assert release_jobs_of(connection, "host:1:") == 2
        assert count_waiting(connection) == 2


def test_a_finished_job_leaves_no_row(registry: Registry) -> None:
    upload(registry)
    upload(registry)
    first, second = claim(registry), claim(registry)
    assert first is not None
    assert second is not None
    assert complete(registry, first)
    fail(registry, second)
    with registry.read() as connection:
        assert connection.execute(select(func.count()).select_from(jobs)).scalar_one() == 0
    assert document(registry, second.document_id).error is not None


def test_without_a_worker_a_document_says_so(registry: Registry) -> None:
    document_id = upload(registry)
    waiting = document(registry, document_id).waiting
    assert waiting is not None
    assert not waiting.has_worker
    with registry.write() as connection:
        beat(connection, "w1")
    waiting = document(registry, document_id).waiting
    assert waiting is not None
    assert waiting.has_worker


def test_a_document_that_is_worked_on_waits_for_nothing_until_its_worker_is_gone(
    registry: Registry,
) -> None:
    document_id = upload(registry)
    claim(registry)
    with registry.write() as connection:
        beat(connection, "w1")
        report_progress(connection, Lease("", document_id, 1, "w1"), Status.PARSING)
    assert document(registry, document_id).waiting is None
    with registry.write() as connection:
        leave(connection, "w1")
    assert document(registry, document_id).waiting is not None


def test_a_worker_that_is_silent_is_not_alive(registry: Registry) -> None:
    with registry.write() as connection:
        for name in ("w1", "w2", "w2"):
            beat(connection, name)
        assert count_alive(connection) == 2
        silent_since = datetime.now(UTC) - timedelta(seconds=SILENT_AFTER_S + 1)
        connection.execute(
            update(workers).where(workers.c.name == "w1").values(seen_at=silent_since)
        )
        assert count_alive(connection) == 1
        beat(connection, "w1")
        assert count_alive(connection) == 2


def test_a_try_that_failed_is_explained_while_the_next_one_waits(registry: Registry) -> None:
    document_id = upload(registry)
    job = claim(registry)
    assert job is not None
    with registry.write() as connection:
        give_back(connection, job, failures=1, outages=1, delay_s=60, reason="The index is away.")
    waiting = document(registry, document_id).waiting
    assert waiting is not None
    assert (waiting.failures, waiting.reason) == (1, "The index is away.")
    assert waiting.next_try_at is not None
    assert waiting.next_try_at > datetime.now(UTC)
    assert claim(registry) is None


def test_cancelling_takes_the_job_from_its_worker(registry: Registry) -> None:
    document_id = upload(registry)
    job = claim(registry)
    assert job is not None
    with registry.write() as connection:
        cancelled = cancel_ingestion(connection, document_id, UNRESTRICTED)
    assert cancelled.status is Status.FAILED
    assert cancelled.error is not None
    assert cancelled.error.code == "cancelled"
    assert not complete(registry, job)
    assert claim(registry) is None


def test_cancelling_a_replacement_leaves_the_live_version(registry: Registry) -> None:
    document_id = live(registry)
    with registry.write() as connection:
        accept_replacement(connection, document_id, "g.txt", content(), UNRESTRICTED)
        cancelled = cancel_ingestion(connection, document_id, UNRESTRICTED)
    assert (cancelled.status, cancelled.version, cancelled.live_version) == (Status.FAILED, 2, 1)


def test_cancelling_what_is_final_changes_nothing(registry: Registry) -> None:
    document_id = live(registry)
    before = document(registry, document_id)
    with registry.write() as connection:
        assert cancel_ingestion(connection, document_id, UNRESTRICTED) == before


def test_a_failed_version_is_queued_once_more(registry: Registry) -> None:
    document_id = upload(registry)
    job = claim(registry)
    assert job is not None
    fail(registry, job)
    with registry.write() as connection:
        again = ingest_again(connection, document_id, UNRESTRICTED)
    assert (again.status, again.version, again.error) == (Status.QUEUED, 1, None)
    assert claimed_id(registry) == document_id


def test_what_another_chunker_cut_is_read_again_once_while_it_answers(registry: Registry) -> None:
    document_id, failed_id = live(registry), upload(registry)
    job = claim(registry)
    assert job is not None
    fail(registry, job)
    now = {"model": "m", "chunker_version": 2}
    with registry.write() as connection:
        remember_fingerprint(connection, "default", {"model": "m", "chunker_version": 1})
        check_fingerprints(connection, now)
        assert rechunk(connection, 2) == 1
        assert rechunk(connection, 2) == 0
    again = document(registry, document_id)
    assert (again.status, again.version, again.live_version) == (Status.QUEUED, 2, 1)
    assert document(registry, failed_id).status is Status.FAILED


def test_an_older_process_neither_undoes_newer_chunks_nor_takes_their_jobs(
    registry: Registry,
) -> None:
    live(registry)
    unmarked = upload(registry, "unmarked")
    with registry.write() as connection:
        remember_fingerprint(connection, "default", {"model": "m", "chunker_version": 1})
        assert rechunk(connection, 3) == 1
        assert rechunk(connection, 2) == 0  # an older process starts again
        assert count_left_to_newer(connection, 2) == 1
        job = claim_next(connection, "older", chunker=2)
        assert job is not None
        assert job.document_id == unmarked
        assert claim_next(connection, "older", chunker=2) is None
        assert claim_next(connection, "newer", chunker=3) is not None
        assert rechunk(connection, 3) == 0


def test_what_an_older_worker_completes_meanwhile_is_read_again_too(registry: Registry) -> None:
    first = live(registry)
    with registry.write() as connection:
        remember_fingerprint(connection, "default", {"model": "m", "chunker_version": 1})
        assert rechunk_ahead(connection, 2, at_most=5) == 1
        assert rechunk_ahead(connection, 2, at_most=5) == 0
    job = claim(registry)
    assert job is not None
    assert complete(registry, job)
    with registry.write() as connection:
        assert rechunk(connection, 2) == 1
    assert document(registry, first).version == 3


def test_an_operator_can_go_back_to_older_chunks(registry: Registry) -> None:
    live(registry)
    with registry.write() as connection:
        remember_fingerprint(connection, "default", {"model": "m", "chunker_version": 3})
        assert claim_next(connection, "older", chunker=2) is None
        cut_all_by(connection, 2)
        assert read_all_again(connection) == 1
        assert claim_next(connection, "older", chunker=2) is not None


def test_another_model_is_a_mismatch(registry: Registry) -> None:
    live(registry)
    with registry.write() as connection:
        remember_fingerprint(connection, "default", {"model": "m", "chunker_version": 1})
        with pytest.raises(EmbeddingMismatch):
            check_fingerprints(connection, {"model": "n", "chunker_version": 1})


def test_what_answers_is_read_again_as_the_next_version(registry: Registry) -> None:
    document_id = live(registry)
    with registry.write() as connection:
        again = ingest_again(connection, document_id, UNRESTRICTED)
    assert (again.status, again.version, again.live_version) == (Status.QUEUED, 2, 1)
    with registry.write() as connection:
        assert ingest_again(connection, document_id, UNRESTRICTED) == again
        assert count_waiting(connection) == 1


def test_a_job_knows_the_request_that_queued_it_and_what_failed(registry: Registry) -> None:
    with work_for(request_id="r1", traceparent="00-ab-cd-01"):
        document_id = upload(registry)
    job = claim(registry)
    assert job is not None
    assert (job.request_id, job.traceparent) == ("r1", "00-ab-cd-01")
    with registry.write() as connection:
        give_back(connection, job, failures=2, outages=1, delay_s=0)
    again = claim(registry)
    assert again is not None
    assert again.request_id == "r1"
    assert (again.failures, again.outages) == (2, 1)
    with registry.write() as connection:
        fail_version(connection, again, error=ErrorReport("x", "x", "x"), coverage=Coverage())
    with registry.write() as connection, work_for(request_id="r2"):
        ingest_again(connection, document_id, UNRESTRICTED)
    assert (retried := claim(registry)) is not None
    assert (retried.request_id, retried.traceparent) == ("r2", None)
