"""The figures of the registry, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import update

from corpus.access import UNRESTRICTED
from corpus.registry.database.engine import Registry
from corpus.registry.deletions import bury
from corpus.registry.leases import claim_next
from corpus.registry.new_versions import Content
from corpus.registry.schema import jobs
from corpus.registry.statistics import JobFigures, RegistryFigures, count_everything
from corpus.registry.uploads import Upload, accept_upload
from corpus.registry.versions import complete_version, fail_version
from corpus.registry.workers import beat
from corpus.values import Coverage, ErrorReport, PageText, Status


def upload(registry: Registry, external_id: str | None = None) -> str:
    content = Content(uuid4().hex * 2, 10, "text/plain")
    with registry.write() as connection:
        accepted = accept_upload(
            connection, Upload("default", "f.txt", external_id), content, UNRESTRICTED
        )
    return accepted.document.id


def figures(registry: Registry) -> RegistryFigures:
    with registry.read() as connection:
        return count_everything(connection)


def test_where_nothing_is_everything_is_zero(registry: Registry) -> None:
    found = figures(registry)
    assert found.jobs == {"queued": JobFigures(), "running": JobFigures()}
    assert found.documents == {str(status.value): 0 for status in Status}
    assert found.live_nodes == found.workers_alive == 0


def test_documents_count_by_their_newest_version_and_deleted_ones_not(registry: Registry) -> None:
    upload(registry)
    with registry.write() as connection:
        lease = claim_next(connection, "w1")
        assert lease is not None
        fail_version(connection, lease, error=ErrorReport("x", "x", "x"), coverage=Coverage())
    upload(registry, "known")
    upload(registry, "known")
    deleted = upload(registry)
    with registry.write() as connection:
        bury(connection, deleted, UNRESTRICTED)
        beat(connection, "w1")
    found = figures(registry)
    assert {status: count for status, count in found.documents.items() if count} == {
        "failed": 1,
        "queued": 1,
    }
    assert found.workers_alive == 1


def test_nodes_are_those_of_versions_that_answer_and_not_of_deleted_documents(
    registry: Registry,
) -> None:
    chunks = {upload(registry, "kept"): 5, upload(registry, "deleted"): 7}
    for _ in chunks:
        with registry.write() as connection:
            lease = claim_next(connection, "w1")
            assert lease is not None
            assert complete_version(
                connection,
                lease,
                read_pages=[PageText(1, "text", 0)],
                page_count=1,
                chunk_count=chunks[lease.document_id],
                coverage=Coverage(1),
            )
    upload(registry, "kept")  # its first version answers meanwhile
    assert figures(registry).live_nodes == 12
    *_, deleted = chunks
    with registry.write() as connection:
        bury(connection, deleted, UNRESTRICTED)
    assert figures(registry).live_nodes == 5


def test_jobs_count_by_state_with_the_age_of_the_oldest(registry: Registry) -> None:
    for _ in range(3):
        upload(registry)
    with registry.write() as connection:
        lease = claim_next(connection, "w1")
        assert lease is not None
        before = datetime.now(UTC) - timedelta(hours=1)
        running = jobs.c.id == lease.job_id
        connection.execute(update(jobs).where(running).values(created_at=before))
    found = figures(registry).jobs
    assert (found["queued"].count, found["running"].count) == (2, 1)
    assert 3600 <= found["running"].oldest_age_s < 3660
    assert 0 <= found["queued"].oldest_age_s < 60
