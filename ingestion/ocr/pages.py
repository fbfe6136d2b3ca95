"""The pages of one document through OCR, several at a time."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from corpus.errors import UnreadableFile
from ingestion.ocr.tesseract import Tesseract, result
from ingestion.ocr.tsv import PageReading
from ingestion.programs.running import Program, wait_for_any

# A file or an installation on which this many pages in a row fail is not tried any further: each
# may take its whole time limit.
GIVE_UP_AFTER = 5


class DrawPage(Protocol):
    """Draws a page into a folder; the parser's sandbox does."""

    def __call__(self, number: int, folder: Path) -> Path:
        """The picture of page `number`, or an `UnreadableFile`."""
        ...


@dataclass(frozen=True, slots=True)
class Recognised:
    """`readings` by page number, `failures` a sentence by page number; other pages were not tried.

    They are not when OCR was given up (`GIVE_UP_AFTER`).
    """

    readings: dict[int, PageReading] = field(default_factory=dict)
    failures: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PageOcr:
    """Recognises pages with at most `processes` Tesseracts, each within `page_timeout_s`."""

    tesseract: Tesseract
    languages: tuple[str, ...]
    page_timeout_s: float
    processes: int

    def run(
        self,
        numbers: Sequence[int],
        draw: DrawPage,
        *,
        folder: Path,
        on_done: Callable[[int], None],
    ) -> Recognised:
        """Recognise these pages; `folder` is empty, and for what is needed meanwhile.

        `on_done(count)` is told how many are done, several times a second; what it raises ends
        everything at once.
        """
        pages = _Pages(self, draw, folder, on_done, deque(numbers))
        try:
            while pages.are_left:
                pages.go_on()
        finally:
            pages.end()
        return pages.found

    def start(self, picture: Path) -> Program:
        """Recognise one page's picture, in the folder it lies in."""
        return self.tesseract.start(
            picture, self.languages, folder=picture.parent, timeout_s=self.page_timeout_s
        )


@dataclass(slots=True)
class _Pages:
    """Where the pages of one document are on their way: waiting, drawn, running, found."""

    ocr: PageOcr
    draw: DrawPage
    folder: Path
    on_done: Callable[[int], None]
    waiting: deque[int]
    drawn: deque[Path] = field(default_factory=deque)
    running: dict[Program, int] = field(default_factory=dict)
    found: Recognised = field(default_factory=Recognised)
    failures_in_a_row: int = 0

    @property
    def are_left(self) -> bool:
        return self.failures_in_a_row < GIVE_UP_AFTER and bool(
            self.waiting or self.drawn or self.running
        )

    def go_on(self) -> None:
        """Start what can be started, then draw a page or wait for one to be recognised."""
        while self.drawn and len(self.running) < self.ocr.processes:
            picture = self.drawn.popleft()
            self.running[self.ocr.start(picture)] = int(picture.parent.name)
        # One page ahead, so that no processor waits for the next picture.
        if self.waiting and not self.drawn:
            self._draw(self.waiting.popleft())
        elif self.running:
            self._collect()

    def end(self) -> None:
        for program in self.running:
            program.end()

    def _draw(self, number: int) -> None:
        page_folder = self.folder / f"{number}"
        page_folder.mkdir()
        try:
            self.drawn.append(self.draw(number, page_folder))
        except UnreadableFile as error:
            self._settle(number, error.detail)
        self._beat()

    def _collect(self) -> None:
        for program in wait_for_any(list(self.running), self._beat):
            outcome = result(program, self.ocr.page_timeout_s)
            shutil.rmtree(program.folder, ignore_errors=True)  # pages would add up to gigabytes
            self._settle(self.running.pop(program), outcome)
        self._beat()

    def _settle(self, number: int, outcome: PageReading | str) -> None:
        if isinstance(outcome, str):
            self.found.failures[number] = outcome
            self.failures_in_a_row += 1
        else:
            self.found.readings[number] = outcome
            self.failures_in_a_row = 0

    def _beat(self) -> None:
        self.on_done(len(self.found.readings) + len(self.found.failures))
