"""A version's way from queued to live, told by the worker that holds its job.

Every function here that writes takes effect only while the lease holds: a worker that lost it, or
whose document was deleted meanwhile, changes nothing and is told so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, func, insert, select, update

from corpus.errors import DocumentNotFound
from corpus.registry.jobs import drop_jobs
from corpus.registry.leases import Lease, hold
from corpus.registry.retention import remember_previous
from corpus.registry.schema import documents, jobs, pages, versions
from corpus.registry.version_status import show_status
from corpus.reports import VersionReport
from corpus.values import Coverage, ErrorReport, PageText, Status


@dataclass(frozen=True, slots=True)
class Version:
    """What ingestion needs to know of the version that its job names."""

    document_id: str
    version: int
    collection: str
    filename: str
    content_sha256: str
    media_type: str
    created_at: datetime
    size_bytes: int


def find_version(connection: Connection, document_id: str, version: int) -> Version:
    """One version of a document that is not deleted, else `DocumentNotFound`.

    `created_at` is the document's.
    """
    row = connection.execute(
        select(
            documents.c.collection,
            versions.c.filename,
            versions.c.content_sha256,
            versions.c.media_type,
            documents.c.created_at,
            versions.c.size_bytes,
        )
        .join(versions, versions.c.document_id == documents.c.id)
        .where(
            documents.c.id == document_id,
            documents.c.deleted_at.is_(None),
            versions.c.version == version,
        )
    ).first()
    if row is None:
        raise DocumentNotFound(f"There is no version {version} of document {document_id}.")
    return Version(document_id, version, *row)


def is_wanted(connection: Connection, document_id: str, version: int) -> bool:
    """Whether nodes of this version may be in the index: it is live, or has a job to make it so."""
    live = select(documents.c.id).where(
        documents.c.id == document_id,
        documents.c.deleted_at.is_(None),
        documents.c.live_version == version,
    )
    pending = select(jobs.c.id).where(jobs.c.document_id == document_id, jobs.c.version == version)
    return any(connection.execute(query).first() for query in (live, pending))


def report_progress(
    connection: Connection,
    lease: Lease,
    status: Status,
    *,
    done: int = 0,
    total: int = 0,
    eta_s: int | None = None,
) -> bool:
    """As `show_status`; False when the version is no longer this worker's to work on."""
    if not hold(connection, lease):
        return False
    show_status(
        connection,
        lease.document_id,
        lease.version,
        status,
        done=done,
        total=total,
        eta_s=eta_s,
    )
    return True


def complete_version(
    connection: Connection,
    lease: Lease,
    *,
    read_pages: Sequence[PageText],
    page_count: int,
    chunk_count: int,
    reused_count: int = 0,
    coverage: Coverage,
    report: VersionReport | None = None,
    media_type: str | None = None,
) -> bool:
    """Store the pages and the report, make the version the live one and end the job, all at once.

    False (and nothing changed) when the version is no longer this worker's to complete. A newer
    version that is live already stays so. `media_type` is what it was read as, where that is known.
    """
    status = Status.READY if coverage.is_complete else Status.PARTIAL
    if not report_progress(connection, lease, status, done=chunk_count, total=chunk_count):
        return False
    document_id, version = lease.document_id, lease.version
    connection.execute(
        update(versions)
        .where(versions.c.document_id == document_id, versions.c.version == version)
        .values(
            pages=page_count,
            chunks=chunk_count,
            chunks_reused=reused_count,
            pages_with_text=coverage.pages_with_text,
            pages_needing_ocr=list(coverage.pages_needing_ocr),
            warnings=[warning.detail for warning in report.warnings] if report else [],
            report=asdict(report) if report else None,
            media_type=versions.c.media_type if media_type is None else media_type,
        )
    )
    _store_pages(connection, document_id, version, read_pages)
    remember_previous(connection, document_id, version)
    connection.execute(
        update(documents)
        .where(
            documents.c.id == document_id,
            func.coalesce(documents.c.live_version, 0) <= version,
        )
        .values(live_version=version, updated_at=datetime.now(UTC))
    )
    drop_jobs(connection, document_id, version)
    return True


def _store_pages(
    connection: Connection, document_id: str, version: int, read: Sequence[PageText]
) -> None:
    """In place of those of the versions before."""
    connection.execute(
        delete(pages).where(pages.c.document_id == document_id, pages.c.version <= version)
    )
    rows = [
        {
            "document_id": document_id,
            "version": version,
            "number": page.number,
            "start_char": page.start_char,
            "text": page.text,
            **asdict(page.statistics),
        }
        for page in read
    ]
    if rows:
        connection.execute(insert(pages), rows)


def fail_version(
    connection: Connection, lease: Lease, *, error: ErrorReport, coverage: Coverage
) -> bool:
    """End the version with its error; a version that answered before goes on answering.

    False (and nothing changed) when the version is no longer this worker's.
    """
    if not hold(connection, lease):
        return False
    document_id, version = lease.document_id, lease.version
    show_status(connection, document_id, version, Status.FAILED, error=error)
    connection.execute(
        update(versions)
        .where(versions.c.document_id == document_id, versions.c.version == version)
        .values(pages_needing_ocr=list(coverage.pages_needing_ocr))
    )
    drop_jobs(connection, document_id, version)
    return True
