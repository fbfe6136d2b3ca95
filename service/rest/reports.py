"""The report of a document: how well it was read, page by page, and where the time went."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from corpus.errors import DocumentNotFound, InvalidRequest, StorageUnavailable
from corpus.registry.documents import MAX_PAGE_NUMBER
from corpus.registry.reports import find_report
from service.http.state import Parts, Reads
from service.rest.openapi import error_responses
from service.rest.parameters import DocumentId
from service.rest.report_shapes import ReportBody

router = APIRouter(tags=["documents"])


@router.get(
    "/documents/{document_id}/report",
    operation_id="getReport",
    responses=error_responses(DocumentNotFound, InvalidRequest, StorageUnavailable),
)
def get_report(
    parts: Parts,
    reader: Reads,
    document_id: DocumentId,
    start: Annotated[int, Query(ge=1, le=MAX_PAGE_NUMBER, description="First page shown.")] = 1,
    limit: Annotated[int, Query(ge=1, le=1000, description="Pages shown at most.")] = 100,
) -> ReportBody:
    """How well the document was read; its totals, and its pages from `start` on."""
    with parts.registry.read() as connection:
        return ReportBody.of(
            find_report(connection, document_id, reader, first_page=start, limit=limit)
        )
