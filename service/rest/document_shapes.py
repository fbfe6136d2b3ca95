"""How documents look over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from corpus.deletion import DeletionReceipt
from corpus.errors import LecternError
from corpus.registry.uploads import Acceptance
from corpus.values import Document, ErrorReport, PageText, Status, Waiting


class ProgressBody(BaseModel):
    """`done` of `total` pages while parsing, chunks while embedding; 0 of 0 when not known yet."""

    stage: Status
    done: int
    total: int
    eta_s: int | None = Field(description="Seconds until it is ready; null while not known.")


class WaitingBody(BaseModel):
    """Why nothing happens to a document that is not finished."""

    reason: Literal["no_worker", "retry", "turn"]
    detail: str = Field(description="One sentence for a person.")
    failures: int = Field(description="Tries that failed so far.")
    next_try_at: datetime | None

    @classmethod
    def of(cls, waiting: Waiting) -> WaitingBody:
        """Shape it; that nobody works outweighs the rest."""
        if not waiting.has_worker:
            reason, detail = "no_worker", "No worker is alive; nothing happens until one starts."
        elif waiting.failures:
            reason, detail = "retry", f"It is tried again soon: {waiting.reason}"
        else:
            reason, detail = "turn", "Others are ahead of it."
        return cls(
            reason=reason,
            detail=detail,
            failures=waiting.failures,
            next_try_at=waiting.next_try_at,
        )


class CoverageBody(BaseModel):
    """How many pages have text, and the numbers (from 1) of those that are pictures."""

    pages_with_text: int
    pages_needing_ocr: list[int]


class FailureBody(BaseModel):
    """Why the document failed."""

    code: str
    detail: str
    hint: str

    @classmethod
    def of(cls, error: ErrorReport | LecternError) -> FailureBody:
        """Shape it."""
        return cls(code=error.code, detail=error.detail, hint=error.hint)


class AttachedBody(BaseModel):
    """A document that is attached to this one."""

    document_id: str
    filename: str


class DocumentBody(BaseModel):
    """A document; `version`, `status` and what follows speak of its newest version."""

    id: str
    collection: str
    filename: str
    external_id: str | None
    content_sha256: str
    size_bytes: int
    media_type: str
    version: int
    status: Status
    progress: ProgressBody
    waiting: WaitingBody | None = Field(description="Null while a worker is at it, and in the end.")
    pages: int
    chunks: int
    chunks_reused: int = Field(description="Chunks that kept an embedding the index had already.")
    coverage: CoverageBody
    warnings: list[str] = Field(description="What to know of the reading, a sentence each.")
    error: FailureBody | None
    metadata: dict[str, Any]
    acl: list[str]
    parent_id: str | None = Field(
        description="The document that this one is attached to; its metadata and acl hold for both."
    )
    attachments: list[AttachedBody] = Field(
        description="Documents of their own that came within this one, by filename."
    )
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, document: Document) -> DocumentBody:
        """Shape a document."""
        error = document.error
        return cls(
            id=document.id,
            collection=document.collection,
            filename=document.filename,
            external_id=document.external_id,
            content_sha256=document.content_sha256,
            size_bytes=document.size_bytes,
            media_type=document.media_type,
            version=document.version,
            status=document.status,
            progress=ProgressBody(
                stage=document.status,
                done=document.progress.done,
                total=document.progress.total,
                eta_s=document.progress.eta_s,
            ),
            waiting=None if document.waiting is None else WaitingBody.of(document.waiting),
            pages=document.pages,
            chunks=document.chunks,
            chunks_reused=document.chunks_reused,
            coverage=CoverageBody(
                pages_with_text=document.coverage.pages_with_text,
                pages_needing_ocr=list(document.coverage.pages_needing_ocr),
            ),
            warnings=list(document.warnings),
            error=None if error is None else FailureBody.of(error),
            metadata=document.metadata,
            acl=list(document.acl),
            parent_id=document.parent_id,
            attachments=[
                AttachedBody(document_id=attached.document_id, filename=attached.filename)
                for attached in document.attachments
            ],
            created_at=document.created_at,
            updated_at=document.updated_at,
        )


class AcceptedBody(DocumentBody):
    """The outcome of an upload: `duplicate` when the same bytes were there already."""

    duplicate: bool = False

    @classmethod
    def of_acceptance(cls, acceptance: Acceptance) -> AcceptedBody:
        """Shape what became of an upload."""
        there = DocumentBody.of(acceptance.document).model_dump()
        return cls(**there, duplicate=acceptance.duplicate)


class ChangeRequest(BaseModel):
    """What to put in place of a document's metadata or access; null or left out: stays."""

    model_config = ConfigDict(extra="forbid")

    metadata: dict[str, Any] | None = None
    acl: list[str] | None = None


class RefusedBody(BaseModel):
    """A file of a multi-file upload that was not accepted."""

    filename: str
    error: FailureBody


class AcceptedManyBody(BaseModel):
    """The outcome of each file, in the order sent."""

    documents: list[AcceptedBody | RefusedBody]


class DocumentListBody(BaseModel):
    """Newest first; `next_cursor` is null on the last page."""

    documents: list[DocumentBody]
    next_cursor: str | None


class PageBody(BaseModel):
    """A page's text; offsets in citations minus `start_char` are offsets in `text`."""

    document_id: str
    page: int
    text: str
    start_char: int
    end_char: int

    @classmethod
    def of(cls, document_id: str, page: PageText) -> PageBody:
        """Shape a page."""
        return cls(
            document_id=document_id,
            page=page.number,
            text=page.text,
            start_char=page.start_char,
            end_char=page.start_char + len(page.text),
        )


class DeletedBody(BaseModel):
    """The receipt of a deletion: `verified` when no node of the document was found afterwards."""

    id: str
    deleted: bool = True
    points_removed: int
    children_deleted: int = Field(description="Attachments that were deleted with it.")
    verified: bool

    @classmethod
    def of(cls, receipt: DeletionReceipt) -> DeletedBody:
        """Shape a receipt."""
        return cls(
            id=receipt.document_id,
            points_removed=receipt.points_removed,
            children_deleted=receipt.children_deleted,
            verified=receipt.verified,
        )
