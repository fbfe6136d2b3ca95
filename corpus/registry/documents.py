"""Reading documents, and which of their versions are live."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, RowMapping, Select, bindparam, func, select, tuple_

from corpus.access import Reader
from corpus.errors import DocumentNotFound, PageNotFound
from corpus.registry.access import is_readable
from corpus.registry.cursors import read_cursor, write_cursor
from corpus.registry.families import attached_to
from corpus.registry.identities import by_bytes
from corpus.registry.schema import documents, jobs, pages, versions
from corpus.registry.workers import any_alive
from corpus.values import (
    Attached,
    Coverage,
    Document,
    ErrorReport,
    Original,
    PageText,
    Progress,
    Status,
    Waiting,
)

MAX_PAGE_NUMBER = 2**31 - 1  # what the column holds

_COLUMNS = (
    documents,
    versions.c.filename,
    versions.c.content_sha256,
    versions.c.size_bytes,
    versions.c.media_type,
    versions.c.status,
    versions.c.progress_done,
    versions.c.progress_total,
    versions.c.eta_s,
    versions.c.pages,
    versions.c.chunks,
    versions.c.chunks_reused,
    versions.c.pages_with_text,
    versions.c.pages_needing_ocr,
    versions.c.warnings,
    versions.c.error,
    versions.c.updated_at.label("version_updated_at"),
    jobs.c.failures,
    jobs.c.reason,
    jobs.c.run_after,
)


def _with_newest_version(reader: Reader) -> Select[tuple[object, ...]]:
    newest = (versions.c.document_id == documents.c.id) & (
        versions.c.version == documents.c.version
    )
    its_job = (jobs.c.document_id == documents.c.id) & (jobs.c.version == documents.c.version)
    return (
        select(*_COLUMNS, any_alive().label("has_worker"))
        .join(versions, newest)
        .outerjoin(jobs, its_job)
        .where(documents.c.deleted_at.is_(None), is_readable(reader))
    )


def find_document(connection: Connection, document_id: str, reader: Reader) -> Document:
    """The document with its newest version, or `DocumentNotFound`."""
    row = (
        connection.execute(_with_newest_version(reader).where(documents.c.id == document_id))
        .mappings()
        .first()
    )
    if row is None:
        raise DocumentNotFound(f"There is no document {document_id}.")
    return _document(row, attached_to(connection, [document_id]))


def list_documents(
    connection: Connection,
    reader: Reader,
    *,
    collection: str | None = None,
    status: Status | None = None,
    parent_id: str | None = None,
    filename: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> tuple[list[Document], str | None]:
    """Documents from the newest to the oldest, and the cursor of the next page (None: no more).

    `filename` is a part of the name; capitals do not matter.
    """
    query = _with_newest_version(reader)
    if collection is not None:
        query = query.where(documents.c.collection == collection)
    if status is not None:
        query = query.where(versions.c.status == status)
    if parent_id is not None:
        query = query.where(documents.c.parent_id == parent_id)
    if filename is not None:
        query = query.where(versions.c.filename.icontains(filename, autoescape=True))
    if cursor is not None:
        created_at, last_id = read_cursor(cursor)
        columns = (documents.c.created_at, documents.c.id)
        last = tuple_(created_at, last_id, types=[column.type for column in columns])
        query = query.where(tuple_(*columns) < last)
    query = query.order_by(documents.c.created_at.desc(), documents.c.id.desc()).limit(limit + 1)
    found = _documents(connection, query)
    if len(found) <= limit:
        return found, None
    found = found[:limit]
    return found, write_cursor(found[-1].created_at, found[-1].id)


def find_documents(
    connection: Connection, document_ids: Collection[str], reader: Reader
) -> list[Document]:
    """Those of these documents that there are, in no order."""
    query = _with_newest_version(reader).where(documents.c.id.in_(list(document_ids)))
    return _documents(connection, query)


def find_by_content(
    connection: Connection, collection: str, hashes: Collection[str], reader: Reader
) -> list[Document]:
    """The documents that these bytes, uploaded again without an external id, would be.

    `hashes` are lower-case hex sha256. At most one document for each, in no order.
    """
    query = _with_newest_version(reader).where(
        documents.c.collection == collection,
        documents.c.identity.in_([by_bytes(one) for one in hashes]),
    )
    return _documents(connection, query)


# Asked before every event of an answer: made once, it takes half the time.
_LIVE_VERSIONS = select(documents.c.id, documents.c.live_version).where(
    documents.c.id.in_(bindparam("ids", expanding=True)),
    documents.c.deleted_at.is_(None),
    documents.c.live_version.is_not(None),
)


def live_versions(
    connection: Connection, document_ids: Collection[str], reader: Reader
) -> Mapping[str, int]:
    """The live version of each document.

    Those that are deleted, unknown, not complete, or hidden from this reader are missing.
    """
    asked = _LIVE_VERSIONS
    if not reader.sees_every_document:
        asked = asked.where(is_readable(reader))
    rows = connection.execute(asked, {"ids": list(document_ids)})
    return {row.id: row.live_version for row in rows}


def find_page(connection: Connection, document_id: str, number: int, reader: Reader) -> PageText:
    """The text of a page of the live version, else `DocumentNotFound` or `PageNotFound`."""
    document = find_document(connection, document_id, reader)
    if not 1 <= number <= MAX_PAGE_NUMBER:
        raise PageNotFound(f"{document.filename} has no page of that number.")
    row = connection.execute(
        select(pages.c.number, pages.c.text, pages.c.start_char).where(
            pages.c.document_id == document_id,
            pages.c.version == document.live_version,
            pages.c.number == number,
        )
    ).first()
    if row is None:
        raise PageNotFound(f"{document.filename} has no page {number} that was read.")
    return PageText(number=row.number, text=row.text, start_char=row.start_char)


def find_page_texts(
    connection: Connection, places: Collection[tuple[str, int, int]]
) -> Mapping[tuple[str, int, int], PageText]:
    """The pages at these (document id, version, number); those that are not there are missing."""
    key = (pages.c.document_id, pages.c.version, pages.c.number)
    rows = connection.execute(
        select(*key, pages.c.text, pages.c.start_char).where(tuple_(*key).in_(list(places)))
    )
    return {
        (row.document_id, row.version, row.number): PageText(row.number, row.text, row.start_char)
        for row in rows
    }


def find_content(connection: Connection, document_id: str, reader: Reader) -> Original:
    """The original of the live version, which answers and pages speak of; `DocumentNotFound`.

    While no version is live: that of the newest one.
    """
    row = connection.execute(
        select(
            versions.c.filename,
            versions.c.content_sha256,
            versions.c.size_bytes,
            versions.c.media_type,
        )
        .join(documents, documents.c.id == versions.c.document_id)
        .where(
            documents.c.id == document_id,
            documents.c.deleted_at.is_(None),
            is_readable(reader),
            versions.c.version == func.coalesce(documents.c.live_version, documents.c.version),
        )
    ).first()
    if row is None:
        raise DocumentNotFound(f"There is no document {document_id}.")
    return Original(row.filename, row.content_sha256, row.size_bytes, row.media_type)


def _documents(connection: Connection, query: Select[tuple[object, ...]]) -> list[Document]:
    rows = connection.execute(query).mappings().all()
    attached = attached_to(connection, [row["id"] for row in rows])
    return [_document(row, attached) for row in rows]


def _document(row: RowMapping, attached: Mapping[str, tuple[Attached, ...]]) -> Document:
    status = Status(row["status"])
    return Document(
        id=row["id"],
        collection=row["collection"],
        filename=row["filename"],
        external_id=row["external_id"],
        content_sha256=row["content_sha256"],
        size_bytes=row["size_bytes"],
        media_type=row["media_type"],
        version=row["version"],
        live_version=row["live_version"],
        status=status,
        progress=Progress(row["progress_done"], row["progress_total"], row["eta_s"]),
        pages=row["pages"],
        chunks=row["chunks"],
        chunks_reused=row["chunks_reused"],
        coverage=Coverage(row["pages_with_text"], tuple(row["pages_needing_ocr"])),
        warnings=tuple(row["warnings"]),
        error=None if row["error"] is None else ErrorReport(**row["error"]),
        created_at=row["created_at"],
        updated_at=max(row["updated_at"], row["version_updated_at"]),
        waiting=_waiting(row, status),
        metadata=row["metadata"],
        acl=tuple(row["acl"]),
        parent_id=row["parent_id"],
        attachments=attached.get(row["id"], ()),
    )


def _waiting(row: RowMapping, status: Status) -> Waiting | None:
    if status.is_final or (row["has_worker"] and status is not Status.QUEUED):
        return None
    failures = row["failures"] or 0
    return Waiting(
        has_worker=bool(row["has_worker"]),
        failures=failures,
        reason=row["reason"],
        next_try_at=row["run_after"] if failures else None,
    )
