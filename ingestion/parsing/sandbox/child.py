"""The parser process: `python -m ingestion.parsing.sandbox.child MEMORY_LIMIT_BYTES`.

Reads requests from stdin, answers on stdout (`frames`), one at a time:

    {"task": "parse", "path", "kind", "max_pages", "limit_chars", "scratch", "timeout_s"}
    -> any number of {"progress": [done, total]}
    -> {"parsed": document, "resident_bytes"} or {"error": {"code", "detail", "hint"}, ...}

    {"task": "draw_page", "path", "kind", "number", "scratch", "timeout_s"}
    -> {"drawn": name of a file in the scratch folder, "resident_bytes"} or {"error", ...}

    {"task": "show_page", ..., "text" of the page, "span": [start, end]}
    -> {"drawn": ..., "boxes": [[left, top, right, bottom], ...] in [0, 1], ...} or {"error", ...}

"scratch" is {"folder", "limit_bytes"}, null where nothing may be written.

It says {"ready": true} first, and ends when stdin does, also in the middle of a file: it never
outlives the process that started it.
"""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
from pathlib import Path
from typing import Any, BinaryIO

from corpus.errors import BrokenFile, ParserCrashed, UnreadableFile
from corpus.kinds.known import kind_named
from corpus.quiet import set_offline_environment
from ingestion.parsing.sandbox.confinement import allow_cpu_s, confine, resident_bytes
from ingestion.parsing.sandbox.frames import FrameError, read_frame, write_frame
from ingestion.parsing.sandbox.scratch import Scratch

_MAX_REQUEST_BYTES = 1024 * 1024
# Twice the wall-clock limit: native libraries may use both cores.
_CPU_SHARE = 2.0

_log = logging.getLogger(__name__)


def main(memory_limit_bytes: int) -> None:
    """Answer requests until stdin ends."""
    set_offline_environment()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    replies = _take_stdout()
    confine(memory_limit_bytes=memory_limit_bytes)
    requests: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_read_requests, args=(sys.stdin.buffer, requests), daemon=True).start()
    write_frame(replies, {"ready": True})
    while True:
        request = requests.get()
        reply = _answer(request, replies)
        write_frame(replies, {**reply, "resident_bytes": resident_bytes()})


def _take_stdout() -> BinaryIO:
    """A private copy of stdout; what libraries print goes to stderr from here on."""
    private = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return private


def _read_requests(stream: BinaryIO, requests: queue.SimpleQueue[dict[str, Any]]) -> None:
    while True:
        try:
            request = read_frame(stream, limit_bytes=_MAX_REQUEST_BYTES)
        except FrameError:
            request = None
        if request is None:
            os._exit(0)
        requests.put(request)


def _answer(request: dict[str, Any], replies: BinaryIO) -> dict[str, Any]:
    try:
        # The processor time is the backstop for a parent that no longer watches the clock.
        allow_cpu_s(request["timeout_s"] * _CPU_SHARE)
        if request["task"] == "draw_page":
            return {"drawn": _draw_page(request)}
        if request["task"] == "show_page":
            return _show_page(request)
        return {"parsed": _parse(request, replies)}
    except UnreadableFile as error:
        return _error(error)
    except MemoryError:
        _log.warning("out of memory on a file of kind %s", request["kind"])
        return _error(ParserCrashed("Reading this file takes more memory than a parser may use."))
    except Exception:  # noqa: BLE001 - a library may raise anything on a hostile file
        _log.warning("cannot read a file of kind %s", request["kind"], exc_info=True)
        return _error(BrokenFile(f"This {request['kind'].upper()} file cannot be read."))


def _parse(request: dict[str, Any], replies: BinaryIO) -> dict[str, Any]:
    # Later than the confinement, so that the libraries load inside it.
    from ingestion.parsing.parsers import parse  # noqa: PLC0415

    def report(done: int, total: int) -> None:
        write_frame(replies, {"progress": [done, total]})

    document = parse(
        Path(request["path"]),
        kind_named(request["kind"]),
        max_pages=request["max_pages"],
        on_progress=report,
        scratch=_scratch(request),
    )
    chars = sum(len(page.text) for page in document.pages)
    if chars > request["limit_chars"]:
        raise BrokenFile(f"This file holds {chars} characters, more than a document may.")
    return document.model_dump(mode="json")


def _draw_page(request: dict[str, Any]) -> str:
    from ingestion.parsing.pictures.pages import write_page_picture  # noqa: PLC0415 - as above

    scratch = _scratch(request)
    if scratch is None:
        raise ValueError("a picture of a page needs a scratch folder")
    name = f"page-{request['number']}.pgm"
    kind = kind_named(request["kind"])
    write_page_picture(Path(request["path"]), kind, request["number"], scratch, name)
    return name


def _show_page(request: dict[str, Any]) -> dict[str, Any]:
    from ingestion.parsing.pictures.shown import shown_page  # noqa: PLC0415 - as above

    scratch = _scratch(request)
    if scratch is None:
        raise ValueError("a picture of a page needs a scratch folder")
    start, end = request["span"]
    shown = shown_page(
        Path(request["path"]),
        kind_named(request["kind"]),
        request["number"],
        text=request["text"],
        start=start,
        end=end,
    )
    name = f"page-{request['number']}.png"
    scratch.write(name, shown.png)
    return {"drawn": name, "boxes": shown.boxes}


def _scratch(request: dict[str, Any]) -> Scratch | None:
    described = request["scratch"]
    return Scratch(Path(described["folder"]), described["limit_bytes"]) if described else None


def _error(error: UnreadableFile) -> dict[str, Any]:
    return {"error": {"code": error.code, "detail": error.detail, "hint": error.hint}}


if __name__ == "__main__":
    main(int(sys.argv[1]))
