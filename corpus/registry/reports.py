"""Reading the report of a version: how each page was read, and where the time went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select

from corpus.access import Reader
from corpus.errors import DocumentNotFound
from corpus.registry.access import is_readable
from corpus.registry.schema import documents, pages, versions
from corpus.reports import (
    ChunkTokens,
    PageStatistics,
    ReadingWarning,
    StageTimings,
    VersionReport,
)
from corpus.values import ErrorReport, Status


@dataclass(frozen=True, slots=True)
class PageReport:
    """One page: `number` from 1, `chars` characters of text."""

    number: int
    chars: int
    statistics: PageStatistics


@dataclass(frozen=True, slots=True)
class DocumentReport:
    """The report of the live version; while none is live, of the newest.

    `pages_detail` is the part that was asked for, in order, and
    `next_page` the number of the page after it (None: there is none). `reading` is None until the
    version is complete, and for one made before reports were.
    """

    document_id: str
    version: int
    filename: str
    media_type: str
    status: Status
    error: ErrorReport | None
    pages: int
    chunks: int
    pages_with_text: int
    pages_needing_ocr: tuple[int, ...]
    pages_detail: tuple[PageReport, ...]
    next_page: int | None
    reading: VersionReport | None


def find_report(
    connection: Connection, document_id: str, reader: Reader, *, first_page: int, limit: int
) -> DocumentReport:
    """The report with at most `limit` pages from number `first_page` on; `DocumentNotFound`."""
    version = connection.execute(
        select(versions)
        .join(documents, documents.c.id == versions.c.document_id)
        .where(
            documents.c.id == document_id,
            documents.c.deleted_at.is_(None),
            is_readable(reader),
            versions.c.version == func.coalesce(documents.c.live_version, documents.c.version),
        )
    ).first()
    if version is None:
        raise DocumentNotFound(f"There is no document {document_id}.")
    of_version = (pages.c.document_id == document_id) & (pages.c.version == version.version)
    shown = connection.execute(
        select(
            pages.c.number,
            func.length(pages.c.text).label("chars"),
            pages.c.coverage,
            pages.c.tables,
            pages.c.by_ocr,
        )
        .where(of_version, pages.c.number >= first_page)
        .order_by(pages.c.number)
        .limit(limit + 1)
    ).all()
    return DocumentReport(
        document_id=document_id,
        version=version.version,
        filename=version.filename,
        media_type=version.media_type,
        status=Status(version.status),
        error=None if version.error is None else ErrorReport(**version.error),
        pages=version.pages,
        chunks=version.chunks,
        pages_with_text=version.pages_with_text,
        pages_needing_ocr=tuple(version.pages_needing_ocr),
        pages_detail=tuple(_page(row) for row in shown[:limit]),
        next_page=shown[limit].number if len(shown) > limit else None,
        reading=None if version.report is None else _reading(version.report),
    )


def _page(row: Row[*tuple[Any, ...]]) -> PageReport:
    return PageReport(
        row.number, row.chars, PageStatistics(row.coverage, row.tables, bool(row.by_ocr))
    )


def _reading(stored: dict[str, Any]) -> VersionReport:
    sizes = stored["chunk_tokens"]
    return VersionReport(
        parser=stored["parser"],
        characters=stored["characters"],
        tables=stored["tables"],
        pages_by_ocr=stored["pages_by_ocr"],
        chunk_tokens=None if sizes is None else ChunkTokens(**sizes),
        warnings=tuple(
            ReadingWarning(one["code"], one["detail"], tuple(one["pages"]))
            for one in stored["warnings"]
        ),
        timings_ms=StageTimings(**stored["timings_ms"]),
    )
