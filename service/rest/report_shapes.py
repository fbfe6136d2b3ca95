"""How the report of a document looks over HTTP."""

from __future__ import annotations

from dataclasses import asdict

from pydantic import BaseModel, Field

from corpus.registry.reports import DocumentReport
from corpus.values import Status
from service.rest.document_shapes import FailureBody


class PageReportBody(BaseModel):
    """How well one page was read."""

    page: int
    chars: int
    coverage: float = Field(
        ge=0,
        le=1,
        description="Share of the page's characters whose meaning the file states. 0 for a picture "
        "without text, 1 for a blank page; pictures beside text do not count.",
    )
    tables: int = Field(description="Tables that the kind of file marks as such; a PDF marks none.")
    by_ocr: bool


class ChunkTokensBody(BaseModel):
    """Sizes of the chunks as they are embedded, in the embedding's own tokens."""

    min: int
    median: int
    p90: int
    max: int


class WarningBody(BaseModel):
    """What to know of the reading; without `pages` it speaks of the whole document."""

    code: str
    detail: str
    pages: list[int]


class TimingsBody(BaseModel):
    """Milliseconds in each stage; `total` is from being taken up until being live."""

    waiting: int
    parsing: int
    chunking: int
    embedding: int
    indexing: int
    total: int


class ReportBody(BaseModel):
    """The live version's report; while none is live, the newest version's."""

    id: str
    version: int
    filename: str
    media_type: str
    status: Status
    error: FailureBody | None
    parser: str | None = Field(description="The kind of file it was read as.")
    pages: int
    characters: int
    chunks: int
    tables: int
    pages_with_text: int
    pages_by_ocr: int
    pages_needing_ocr: list[int]
    chunk_tokens: ChunkTokensBody | None
    warnings: list[WarningBody]
    timings_ms: TimingsBody | None = Field(description="Null until the version is complete.")
    pages_detail: list[PageReportBody]
    next_start: int | None = Field(description="`start` for the pages after these; null: no more.")

    @classmethod
    def of(cls, report: DocumentReport) -> ReportBody:
        """Shape a report."""
        reading = report.reading
        sizes = reading.chunk_tokens if reading else None
        return cls(
            id=report.document_id,
            version=report.version,
            filename=report.filename,
            media_type=report.media_type,
            status=report.status,
            error=FailureBody.of(report.error) if report.error else None,
            parser=reading.parser if reading else None,
            pages=report.pages,
            characters=reading.characters if reading else 0,
            chunks=report.chunks,
            tables=reading.tables if reading else 0,
            pages_with_text=report.pages_with_text,
            pages_by_ocr=reading.pages_by_ocr if reading else 0,
            pages_needing_ocr=list(report.pages_needing_ocr),
            chunk_tokens=ChunkTokensBody(**asdict(sizes)) if sizes else None,
            warnings=[WarningBody(**asdict(one)) for one in reading.warnings] if reading else [],
            timings_ms=TimingsBody(**asdict(reading.timings_ms)) if reading else None,
            pages_detail=[
                PageReportBody(page=page.number, chars=page.chars, **asdict(page.statistics))
                for page in report.pages_detail
            ],
            next_start=report.next_page,
        )
