"""A version's way from queued to live, told by the worker that holds its job.

Every function here takes effect only while the job is leased to that worker: a worker that lost
its lease, or whose document was deleted meanwhile, changes nothing and is told so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, Exists, delete, exists, insert, select, update

from corpus.registry.schema import documents, jobs, pages, versions
from corpus.values import Coverage, ErrorReport, PageText, Status


def report_progress(
    connection: Connection,
    document_id: str,
    version: int,
    worker: str,
    *,
    status: Status,
    done: int = 0,
    total: int = 0,
) -> bool:
    """Say where the version is; False when it is no longer this worker's to work on."""
    changed = connection.execute(
        update(versions)
        .where(
            versions.c.document_id == document_id,
            versions.c.version == version,
            _held_by(document_id, version, worker),
            _not_deleted(document_id),
        )
        .values(
            status=status,
            progress_done=done,
            progress_total=total,
            updated_at=datetime.now(UTC),
        )
    )
    return changed.rowcount == 1


def complete_version(
    connection: Connection,
    document_id: str,
    version: int,
    worker: str,
    *,
    read_pages: Sequence[PageText],
    page_count: int,
    chunk_count: int,
    coverage: Coverage,
) -> bool:
    """Store the pages, make the version the live one and end the job, all in one transaction.

    False (and nothing changed) when the version is no longer this worker's to complete.
    """
    status = Status.PARTIAL if coverage.pages_needing_ocr else Status.READY
    if not report_progress(
        connection,
        document_id,
        version,
        worker,
        status=status,
        done=chunk_count,
        total=chunk_count,
    ):
        return False
    now = datetime.now(UTC)
    connection.execute(
        update(versions)
        .where(versions.c.document_id == document_id, versions.c.version == version)
        .values(
            pages=page_count,
            chunks=chunk_count,
            pages_with_text=coverage.pages_with_text,
            pages_needing_ocr=list(coverage.pages_needing_ocr),
            error=None,
        )
    )
    connection.execute(delete(pages).where(pages.c.document_id == document_id))
    if read_pages:
        connection.execute(
            insert(pages),
            [
                {
                    "document_id": document_id,
                    "version": version,
                    "number": page.number,
                    "start_char": page.start_char,
                    "text": page.text,
                }
                for page in read_pages
            ],
        )
    connection.execute(
        update(documents)
        .where(documents.c.id == document_id)
        .values(live_version=version, updated_at=now)
    )
    _end_job(connection, document_id, version, "done")
    return True


def fail_version(
    connection: Connection,
    document_id: str,
    version: int,
    worker: str,
    *,
    error: ErrorReport,
    coverage: Coverage,
) -> bool:
    """End the version with its error; a version that answered before goes on answering."""
    if not report_progress(connection, document_id, version, worker, status=Status.FAILED):
        return False
    connection.execute(
        update(versions)
        .where(versions.c.document_id == document_id, versions.c.version == version)
        .values(
            error={"code": error.code, "detail": error.detail, "hint": error.hint},
            pages_needing_ocr=list(coverage.pages_needing_ocr),
        )
    )
    _end_job(connection, document_id, version, "dead")
    return True


def _end_job(connection: Connection, document_id: str, version: int, state: str) -> None:
    connection.execute(
        update(jobs)
        .where(jobs.c.document_id == document_id, jobs.c.version == version)
        .values(state=state, worker=None, lease_until=None)
    )


def _held_by(document_id: str, version: int, worker: str) -> Exists:
    return exists(
        select(jobs.c.id).where(
            jobs.c.document_id == document_id,
            jobs.c.version == version,
            jobs.c.state == "running",
            jobs.c.worker == worker,
        )
    )


def _not_deleted(document_id: str) -> Exists:
    return exists(
        select(documents.c.id).where(
            documents.c.id == document_id, documents.c.deleted_at.is_(None)
        )
    )
