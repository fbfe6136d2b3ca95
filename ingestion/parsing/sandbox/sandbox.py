"""Parse files in a process of its own, so that a hostile file costs only itself.

The process is reused (loading the parsers takes seconds) and replaced after `FILES_PER_CHILD`
files, when it has grown beyond `RECYCLE_ABOVE_BYTES`, and after a crash or a timeout.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from corpus.errors import BrokenFile, ParserCrashed, ParserTimeout, UnreadableFile
from corpus.kinds.known import FileKind
from corpus.values import PagePicture
from ingestion.parsing.parsed import ParsedDocument
from ingestion.parsing.sandbox.child_process import ChildProcess
from ingestion.parsing.sandbox.scratch import Scratch

FILES_PER_CHILD = 200
# The parsers with `unstructured` loaded rest at 220 MiB.
RECYCLE_ABOVE_BYTES = 768 * 1024**2
DEFAULT_MEMORY_LIMIT_BYTES = 3 * 1024**3
# 200 million characters are some 100,000 pages.
DEFAULT_LIMIT_CHARS = 200_000_000

Progress = Callable[[int, int], None]


class ParserSandbox:
    """Runs one parser process at a time; usable from several threads, which then take turns.

    `timeout_s` is for one file, wall clock, without the start of the process;
    `memory_limit_bytes` is what the process may allocate, `limit_chars` how much text a file may
    hold, `max_pages` how many pages of it are read.
    """

    def __init__(
        self,
        *,
        timeout_s: float,
        max_pages: int,
        memory_limit_bytes: int = DEFAULT_MEMORY_LIMIT_BYTES,
        limit_chars: int = DEFAULT_LIMIT_CHARS,
    ) -> None:
        self._timeout_s = timeout_s
        self._max_pages = max_pages
        self._memory_limit_bytes = memory_limit_bytes
        self._limit_chars = limit_chars
        self._child: ChildProcess | None = None
        self._turn = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def child_pid(self) -> int | None:
        """The parser process's id; None when none runs."""
        child = self._child
        return child.pid if child else None

    def parse(
        self,
        path: Path,
        kind: FileKind,
        *,
        on_progress: Progress | None = None,
        scratch: Scratch | None = None,
    ) -> ParsedDocument:
        """The document in the file at `path`.

        `on_progress(done, total)` is called in this thread, in pages. Files that the parser takes
        out of this one go into `scratch`; without it they are left inside. Raises the errors of
        `UnreadableFile`: those of the parsers, `ParserTimeout` after `timeout_s`, `ParserCrashed`
        when the process dies. The next call works after any of them.
        """
        request = {
            "task": "parse",
            "path": str(path.resolve()),
            "kind": kind.name,
            "max_pages": self._max_pages,
            "limit_chars": self._limit_chars,
            "scratch": _described(scratch) if scratch else None,
        }
        reply = self._ask(request, timeout_s=self._timeout_s, on_progress=on_progress)
        return ParsedDocument.model_validate(reply["parsed"])

    def draw_page(
        self, path: Path, kind: FileKind, number: int, *, scratch: Scratch, timeout_s: float
    ) -> Path:
        """Page `number`, from 1, as an 8-bit grey PGM in the scratch folder.

        For kinds with pictures of pages: PDF and picture files. Raises as `parse` does.
        """
        request = {
            "task": "draw_page",
            "path": str(path.resolve()),
            "kind": kind.name,
            "number": number,
            "scratch": _described(scratch),
        }
        reply = self._ask(request, timeout_s=timeout_s, on_progress=None)
        drawn = scratch.written(str(reply["drawn"]))
        if drawn is None:
            raise BrokenFile(f"Page {number} cannot be drawn.")
        return drawn

    def show_page(
        self,
        path: Path,
        kind: FileKind,
        number: int,
        *,
        text: str,
        span: tuple[int, int],
        scratch: Scratch,
        timeout_s: float,
    ) -> PagePicture:
        """Page `number`, from 1, as people see it, with that span of its `text` marked.

        For kinds with pictures of pages: PDF and picture files. Raises as `parse` does.
        """
        request = {
            "task": "show_page",
            "path": str(path.resolve()),
            "kind": kind.name,
            "number": number,
            "text": text,
            "span": span,
            "scratch": _described(scratch),
        }
        reply = self._ask(request, timeout_s=timeout_s, on_progress=None)
        drawn = scratch.written(str(reply["drawn"]))
        if drawn is None:
            raise BrokenFile(f"Page {number} cannot be drawn.")
        boxes = tuple((left, top, right, bottom) for left, top, right, bottom in reply["boxes"])
        return PagePicture(drawn.read_bytes(), boxes)

    def _ask(
        self, request: dict[str, Any], *, timeout_s: float, on_progress: Progress | None
    ) -> dict[str, Any]:
        with self._turn:
            child = self._ready_child()
            try:
                child.send({**request, "timeout_s": timeout_s})
                reply = self._await_reply(child, timeout_s, on_progress)
            except BaseException:
                # The child is in the middle of something no one waits for any more.
                self._discard()
                raise
            child.files_read += 1
            grown = reply.get("resident_bytes", 0) > RECYCLE_ABOVE_BYTES
            if grown or child.files_read >= FILES_PER_CHILD:
                self._discard()
        if "error" in reply:
            raise _unreadable(reply["error"])
        return reply

    def close(self) -> None:
        """End the parser process. A later `parse` starts another."""
        with self._turn:
            self._discard()

    def _ready_child(self) -> ChildProcess:
        if self._child is None or not self._child.is_alive():
            self._discard()
            self._child = ChildProcess(
                memory_limit_bytes=self._memory_limit_bytes,
                # A character takes up to 12 bytes in ASCII JSON; blocks and pages come on top.
                limit_bytes=self._limit_chars * 12 + 64 * 1024**2,
            )
        return self._child

    def _await_reply(
        self, child: ChildProcess, timeout_s: float, on_progress: Progress | None
    ) -> dict[str, Any]:
        deadline_s = time.monotonic() + timeout_s
        while True:
            try:
                reply = child.replies.get(timeout=max(0.0, deadline_s - time.monotonic()))
            except queue.Empty:
                raise ParserTimeout(
                    f"Reading this file took longer than {timeout_s:g} seconds."
                ) from None
            if reply is None:
                raise ParserCrashed("The parser process died while reading this file.")
            if "progress" not in reply:
                return reply
            if on_progress:
                done, total = reply["progress"]
                on_progress(done, total)

    def _discard(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child = None


def _described(scratch: Scratch) -> dict[str, Any]:
    return {"folder": str(scratch.folder.resolve()), "limit_bytes": scratch.limit_bytes}


def _unreadable(error: dict[str, str]) -> UnreadableFile:
    """The error that the child names by its code; `BrokenFile` for a code we do not know."""
    kinds = {kind.code: kind for kind in UnreadableFile.__subclasses__()}
    return kinds.get(error["code"], BrokenFile)(error["detail"], hint=error["hint"])
