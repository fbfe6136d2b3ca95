"""Values that the registry, the worker and the service exchange."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from corpus.declared_fields import DeclaredFields
from corpus.reports import PageStatistics


class Status(StrEnum):
    """Where a version of a document is on its way; the last three are final."""

    QUEUED = "queued"
    PARSING = "parsing"
    EMBEDDING = "embedding"
    INDEXING = "indexing"
    READY = "ready"
    PARTIAL = "partial"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to this version by itself."""
        return self in FINAL_STATUSES


FINAL_STATUSES = frozenset({Status.READY, Status.PARTIAL, Status.FAILED})


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` units: pages while parsing, chunks while embedding.

    `eta_s` seconds are left until the document is ready; None while that is not known.
    """

    done: int = 0
    total: int = 0
    eta_s: int | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why nothing happens to a version that is not final.

    `has_worker`: a worker is alive. After `failures` tries that failed for `reason` (the last
    one's), the next one is not made before `next_try_at`.
    """

    has_worker: bool
    failures: int = 0
    reason: str | None = None
    next_try_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the document could be read. `pages_needing_ocr` are page numbers from 1.

    `all_pages_read`: no page was left out because it is damaged or beyond the limit.
    """

    pages_with_text: int = 0
    pages_needing_ocr: tuple[int, ...] = ()
    all_pages_read: bool = True

    @property
    def is_complete(self) -> bool:
        """Whether all there is to read was read."""
        return self.all_pages_read and not self.pages_needing_ocr


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """Why a document failed: a stable code, a sentence, and what to do."""

    code: str
    detail: str
    hint: str


@dataclass(frozen=True, slots=True)
class Attached:
    """A document that came within another one, such as a file attached to a mail."""

    document_id: str
    filename: str


@dataclass(frozen=True, slots=True)
class Document:
    """A document as the registry knows it, with its newest version.

    `live_version` is the version that answers questions (None until one is complete). `version`
    is the newest one, and `status` to `error` speak of it. `identity` is what makes two uploads
    the same document within a collection. Of its `chunks`, `chunks_reused` were not embedded anew.
    `waiting` is None while a worker is at it, and in the end. `parent_id` is the document that
    this one is attached to, and `attachments` are those attached to it.
    """

    id: str
    collection: str
    filename: str
    external_id: str | None
    content_sha256: str
    size_bytes: int
    media_type: str
    version: int
    live_version: int | None
    status: Status
    progress: Progress
    pages: int
    chunks: int
    chunks_reused: int
    coverage: Coverage
    warnings: tuple[str, ...]
    error: ErrorReport | None
    created_at: datetime
    updated_at: datetime
    waiting: Waiting | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    acl: tuple[str, ...] = ()
    parent_id: str | None = None
    attachments: tuple[Attached, ...] = ()


@dataclass(frozen=True, slots=True)
class Original:
    """The file that one version of a document was made from."""

    filename: str
    content_sha256: str
    size_bytes: int
    media_type: str


@dataclass(frozen=True, slots=True)
class PageText:
    """One page's text; `start_char` is where it begins in the document's text."""

    number: int
    text: str
    start_char: int
    statistics: PageStatistics = field(default_factory=PageStatistics)


@dataclass(frozen=True, slots=True)
class PagePicture:
    """A page as a PNG, and where a passage is on it: (left, top, right, bottom), each in [0, 1]."""

    png: bytes
    boxes: tuple[tuple[float, float, float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class CollectionSettings:
    """How a collection is set up.

    `metadata_fields` are what filters may ask for. `persona` says how an LLM writes answers, as
    JSON (service/answering/writing/persona.py); where it is fixed, questions cannot bring another.
    `llm_model` answers, of those at the LLM's endpoint, from `top_k` passages; None: as everywhere.
    """

    description: str = ""
    metadata_fields: DeclaredFields = field(default_factory=dict)
    persona: Mapping[str, str] = field(default_factory=dict)
    persona_is_fixed: bool = False
    llm_model: str | None = None
    top_k: int | None = None


@dataclass(frozen=True, slots=True)
class CollectionSummary:
    """A collection, what it holds, and how it is set up.

    `chunks` are those that answer now. `fingerprint` says how they were embedded, as
    `EmbeddingFingerprint.as_json` has it; None until the first document was ingested.
    """

    name: str
    documents: int
    chunks: int
    fingerprint: Mapping[str, Any] | None
    created_at: datetime
    settings: CollectionSettings
