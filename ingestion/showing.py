"""Pages as pictures for whoever reads a citation, drawn in a parser process of their own."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

from corpus.errors import ParserUnavailable
from corpus.kinds.known import FileKind
from corpus.values import PagePicture
from ingestion.parsing.sandbox.sandbox import ParserSandbox
from ingestion.parsing.sandbox.scratch import Scratch
from ingestion.programs.workspace import Workspace

DRAW_TIMEOUT_S = 20.0
# Three million pixels in three colours, hardly compressed.
MAX_PNG_BYTES = 12 << 20
# A longer page is shown without a mark: it goes to the parser in one message.
MAX_MARKED_CHARS = 80_000
# Who waits for a page holds a thread of the service: further ones are told to come again.
MAX_WAITING = 6


@dataclass(frozen=True, slots=True)
class PagePainter:
    """Draws one page at a time; who asks meanwhile waits."""

    sandbox: ParserSandbox
    workspace: Workspace
    _places: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(MAX_WAITING)
    )

    def draw(
        self, path: Path, kind: FileKind, number: int, *, text: str, start: int, end: int
    ) -> PagePicture:
        """See `service.parts.PagePictures`."""
        if len(text) > MAX_MARKED_CHARS:
            text, start, end = "", 0, 0
        if not self._places.acquire(blocking=False):
            raise ParserUnavailable("Other pages are being drawn.")
        try:
            with self.workspace.folder() as folder:
                return self.sandbox.show_page(
                    path,
                    kind,
                    number,
                    text=text,
                    span=(start, end),
                    scratch=Scratch(folder, MAX_PNG_BYTES),
                    timeout_s=DRAW_TIMEOUT_S,
                )
        finally:
            self._places.release()
