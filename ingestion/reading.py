"""Reads any file: conversion where its kind needs it, parsing, and OCR of pages without text.

Hostile bytes are decoded in the parser's sandbox only; Tesseract gets pictures that it has drawn,
and LibreOffice, which decodes for itself, runs within limits of its own.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from corpus.errors import NeedsOcr
from corpus.kinds.known import FileKind
from corpus.reports import ReadingWarning
from ingestion.ocr.merge import with_readings
from ingestion.ocr.pages import PageOcr, Recognised
from ingestion.ocr.tesseract import find_tesseract
from ingestion.parsing.parsed import ParsedDocument
from ingestion.parsing.pictures.grey import MAX_PGM_BYTES
from ingestion.parsing.sandbox.sandbox import ParserSandbox, Progress
from ingestion.parsing.sandbox.scratch import Scratch
from ingestion.programs.office import CONVERTED_TO, Office
from ingestion.programs.workspace import Workspace


@dataclass(frozen=True, slots=True)
class OcrOptions:
    """Which `languages` are wanted, how long one page may take, where Tesseract is looked for.

    Without a `search_path` that is the environment's PATH.
    """

    languages: tuple[str, ...]
    page_timeout_s: float
    search_path: str | None = None


@dataclass(frozen=True, slots=True)
class Reader:
    """The pipeline's parser. Programs are looked for each time: one installed later is found.

    Without `ocr`, or without Tesseract, the pages without text stay in `pages_needing_ocr`.
    """

    sandbox: ParserSandbox
    office: Office
    workspace: Workspace
    ocr: OcrOptions | None

    def parse(
        self,
        path: Path,
        kind: FileKind,
        *,
        on_progress: Progress,
        scratch: Scratch | None = None,
    ) -> ParsedDocument:
        """The document in the file at `path`; `on_progress(done, total)` counts pages.

        Files that it carries go into `scratch`; without it they are left inside.
        What `on_progress` raises ends the reading at once, with all programs it has started.
        Raises the errors of `UnreadableFile`.
        """
        with self.workspace.folder() as folder:
            if kind.name in CONVERTED_TO:
                path, kind = self.office.convert(
                    path, kind, folder=folder, beat=lambda: on_progress(0, 0)
                )
            parsed = self.sandbox.parse(path, kind, on_progress=on_progress, scratch=scratch)
            if self.ocr is None or not parsed.pages_needing_ocr:
                return parsed
            return self._recognised(path, kind, parsed, self.ocr, on_progress)

    def _recognised(
        self,
        path: Path,
        kind: FileKind,
        parsed: ParsedDocument,
        options: OcrOptions,
        on_progress: Progress,
    ) -> ParsedDocument:
        total = len(parsed.pages)
        before = total - len(parsed.pages_needing_ocr)

        def on_done(count: int) -> None:
            on_progress(before + count, total)

        def draw(number: int, folder: Path) -> Path:
            scratch = Scratch(folder, MAX_PGM_BYTES)
            return self.sandbox.draw_page(
                path, kind, number, scratch=scratch, timeout_s=options.page_timeout_s
            )

        with self.workspace.folder() as folder:
            tesseract = find_tesseract(folder, lambda: on_done(0), search_path=options.search_path)
            if tesseract is None:
                return parsed
            spoken = tuple(one for one in options.languages if one in tesseract.installed)
            missing = tuple(one for one in options.languages if one not in tesseract.installed)
            found = Recognised()
            if spoken:
                processes = os.cpu_count() or 1
                ocr = PageOcr(tesseract, spoken, options.page_timeout_s, processes)
                found = ocr.run(parsed.pages_needing_ocr, draw, folder=folder, on_done=on_done)
        read = with_readings(parsed, found.readings, found.failures)
        if not read.pages_with_text and read.pages_needing_ocr:
            raise _nothing_read(read, found, missing)
        return _with_missing(read, missing)


def _nothing_read(read: ParsedDocument, found: Recognised, missing: tuple[str, ...]) -> NeedsOcr:
    """Why a document of pictures has no text although Tesseract is there."""
    if found.failures:
        reason = next(iter(found.failures.values()))
        hint = "Scan the pages anew, or raise LECTERN_OCR_PAGE_TIMEOUT_S on the server."
    else:
        reason = f"Tesseract has none of the languages {', '.join(missing)}."
        hint = _language_hint(missing)
    return NeedsOcr(
        f"OCR of the pictures in this file failed: {reason}",
        hint=hint,
        pages=read.pages_needing_ocr,
    )


def _with_missing(read: ParsedDocument, missing: tuple[str, ...]) -> ParsedDocument:
    if not missing:
        return read
    detail = f"OCR was done without {', '.join(missing)}: not installed. {_language_hint(missing)}"
    warning = ReadingWarning("ocr_language_missing", detail)
    return read.model_copy(update={"warnings": (*read.warnings, warning)})


def _language_hint(missing: tuple[str, ...]) -> str:
    packages = " ".join(f"tesseract-ocr-{name.lower().replace('_', '-')}" for name in missing)
    return (
        f"Install them on the server (Debian: `apt-get install {packages}`; a container's image: "
        "`OCR_LANGUAGES`, docs/containers.md)."
    )
