"""Programs that some files need."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from corpus.settings import Settings
from ingestion.ocr.tesseract import find_tesseract
from ingestion.programs.office import find_libreoffice
from lectern.commands.findings.finding import Finding


def programs(settings: Settings) -> Iterator[Finding]:
    """Tesseract and LibreOffice."""
    yield _ocr(settings)
    office = find_libreoffice()
    text = office or "not installed: .doc, .ppt and .odp fail with needs_libreoffice"
    yield Finding("ok", "LibreOffice", text)


def _ocr(settings: Settings) -> Finding:
    if settings.ocr == "off":
        return Finding("ok", "OCR", "off (LECTERN_OCR)")
    with tempfile.TemporaryDirectory() as folder:
        tesseract = find_tesseract(Path(folder))
    if tesseract is None:
        return Finding("ok", "OCR", "Tesseract is not installed: pictures fail with needs_ocr")
    wanted = settings.ocr_languages.split("+")
    missing = [name for name in wanted if name not in tesseract.installed]
    known = ", ".join(sorted(tesseract.installed - {"osd"}))
    if missing:
        text = f"{tesseract.program} knows {known}; not {', '.join(missing)}"
        return Finding("broken", "OCR", f"{text} (LECTERN_OCR_LANGUAGES)")
    return Finding("ok", "OCR", f"{tesseract.program}, languages {known}")
