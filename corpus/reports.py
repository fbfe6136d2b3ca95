"""What is known of how a version was read: the values of `GET /documents/{id}/report`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

WarningCode = Literal[
    "attachments_not_read",
    "chapters_missing",
    "encoding_repaired",
    "hidden_text",
    "instructions_in_text",
    "ocr_failed",
    "ocr_found_nothing",
    "ocr_language_missing",
    "pages_beyond_limit",
    "pages_damaged",
    "pages_need_ocr",
    "pictures_not_read",
    "unmapped_characters",
]


@dataclass(frozen=True, slots=True)
class ReadingWarning:
    """What a person should know of the reading.

    `code` is stable and part of the API, `detail` one sentence. `pages` are the pages it speaks of,
    from 1 and ascending; empty: the document as a whole, or a place that is not known.
    """

    code: WarningCode
    detail: str
    pages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PageStatistics:
    """How well one page was read.

    `coverage` in [0, 1] is the share of the page's characters (white space apart) whose meaning the
    file states: a PDF's glyph without a Unicode value, a replacement or a private character has
    none. 0 for a picture without text, 1 for a blank page. Pictures on a page with text do not
    count: the warning `pictures_not_read` names those pages. `tables` counts the tables that the
    kind of file marks as such; a PDF marks none. `by_ocr`: the text was recognised in a picture.
    """

    coverage: float = 1.0
    tables: int = 0
    by_ocr: bool = False


@dataclass(frozen=True, slots=True)
class ChunkTokens:
    """Sizes of a version's chunks as they are embedded, in the embedding's own tokens."""

    min: int
    median: int
    p90: int
    max: int


@dataclass(frozen=True, slots=True)
class StageTimings:
    """Where the time went, in milliseconds, in the try that ended well.

    `waiting` is from when it was queued until a worker took it; `total` from then until it was
    live, so that it is more than the sum of the stages after `waiting`.
    """

    waiting: int
    parsing: int
    chunking: int
    embedding: int
    indexing: int
    total: int


@dataclass(frozen=True, slots=True)
class VersionReport:
    """What ingestion reports of a version beside its pages; the counts are over all of them.

    `parser` names the kind of file that it was read as.
    """

    parser: str
    characters: int
    tables: int
    pages_by_ocr: int
    chunk_tokens: ChunkTokens | None
    warnings: tuple[ReadingWarning, ...]
    timings_ms: StageTimings
