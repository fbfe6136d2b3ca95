"""Tesseract: where it is, what languages it knows, and one run of it on one page."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ingestion.ocr.tsv import PageReading, read_tsv
from ingestion.programs.running import Limits, Outcome, Program, wait_for_any

# A page of `MAX_PIXELS` takes 700 MiB.
_MEMORY_BYTES = 1536 * 1024**2
# A row for a word is some 60 bytes: this is half a million words on a page.
_TABLE_BYTES = 32 * 1024**2
_LANGUAGES_TIMEOUT_S = 10.0
# Finds columns, blocks and which side is up; without `osd.traineddata` the latter is not known.
_WITH_ORIENTATION, _AUTOMATIC = "1", "3"
_ORIENTATION = "osd"
_DPI = "300"


@dataclass(frozen=True, slots=True)
class Tesseract:
    """An installed Tesseract, its `program` and the `installed` languages ("eng", "osd")."""

    program: str
    installed: frozenset[str]

    def start(
        self, picture: Path, languages: tuple[str, ...], *, folder: Path, timeout_s: float
    ) -> Program:
        """Recognise the picture of a page, in a folder of its own; `result` has what comes out."""
        mode = _WITH_ORIENTATION if _ORIENTATION in self.installed else _AUTOMATIC
        spoken = "+".join(languages)
        return Program(
            [self.program, str(picture), "page", "--dpi", _DPI, "--psm", mode, "-l", spoken, "tsv"],
            folder=folder,
            limits=Limits(timeout_s, _MEMORY_BYTES, _TABLE_BYTES),
        )


def find_tesseract(
    folder: Path, beat: Callable[[], None] = lambda: None, *, search_path: str | None = None
) -> Tesseract | None:
    """The one on the `search_path` (None: PATH), asked in the empty `folder` what it knows.

    None when it is not there, or does not answer.
    """
    program = shutil.which("tesseract", path=search_path)
    if program is None:
        return None
    limits = Limits(_LANGUAGES_TIMEOUT_S, _MEMORY_BYTES, _TABLE_BYTES)
    with Program([program, "--list-langs"], folder=folder, limits=limits) as listing:
        wait_for_any([listing], beat)
        if listing.outcome().exit_code != 0:
            return None
    # A heading, which says where they are, then one a line; older ones print it as an error.
    said = "\n".join(_text(folder / name) for name in ("stdout", "stderr"))
    listed = {line.strip() for line in said.splitlines() if " " not in line.strip()}
    return Tesseract(program, frozenset(listed - {""}))


def result(program: Program, timeout_s: float) -> PageReading | str:
    """What a run that has ended recognised, or in a sentence why nothing came of it."""
    outcome: Outcome = program.outcome()
    if outcome.timed_out:
        return f"OCR of the page took longer than {timeout_s:g} seconds."
    table = program.folder / "page.tsv"
    if outcome.exit_code != 0 or not table.is_file():
        return f"Tesseract failed on the page (exit code {outcome.exit_code})."
    return read_tsv(_text(table))


def _text(path: Path) -> str:
    try:
        return path.read_bytes()[:_TABLE_BYTES].decode("utf-8", "replace")
    except OSError:
        return ""
