"""One file read as the worker would: recognised, parsed in the sandbox, chunked; with figures."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.hostile.markup import LEAKED
from bench.processes import resident_bytes
from corpus.embedding.tokens import TokenizerFile
from corpus.embedding.weights import model_folder, tokenizer_file
from corpus.errors import InvalidRequest, LecternError, UnreadableFile
from corpus.kinds.recognition import detect_kind
from ingestion.chunking.chunking import DocumentContext, chunk_document
from ingestion.parsing.parsed import ParsedDocument
from ingestion.parsing.sandbox.sandbox import DEFAULT_MEMORY_LIMIT_BYTES, ParserSandbox

# The API asks for the kind of every upload, and the worker chunks outside of any sandbox.
KIND_LIMIT_S = 2.0
CHUNKING_LIMIT_S = 60.0
TIMEOUT_MARGIN_S = 10.0
# Libraries that are mapped in count as resident and not as allocated.
MEMORY_MARGIN_BYTES = 512 << 20
SAMPLE_EVERY_S = 0.02
# Longer texts cost only more of the same.
MOST_CHUNKED_CHARS = 2_000_000
CHUNK_TOKENS = 256


@dataclass(frozen=True, slots=True)
class Outcome:
    """`code`: ready, partial, or that of an error. `violations`: what must not be, a sentence each.

    `late` says what took too long: on a busy machine it may, so tests do not look at it.

    `peak_bytes` is the largest resident size seen of the parser process, 0 when it never ran.
    """

    name: str
    code: str
    seconds: float
    peak_bytes: int
    violations: tuple[str, ...]
    late: tuple[str, ...] = ()


class Reader:
    """Reads file after file with one sandbox, in one scratch folder."""

    def __init__(self, sandbox: ParserSandbox, scratch: Path, *, timeout_s: float) -> None:
        self._sandbox = sandbox
        self._path = scratch / "file"
        self._timeout_s = timeout_s
        self._tokens = TokenizerFile(tokenizer_file(model_folder()))

    def read(self, name: str, content: bytes) -> Outcome:
        """What becomes of these bytes, uploaded under this name."""
        self._path.write_bytes(content)
        violations: list[str] = []
        late: list[str] = []
        started_s = time.monotonic()
        with _peak_sampled(self._sandbox) as peak:
            try:
                code = self._read(name, violations, late)
            except (UnreadableFile, InvalidRequest) as error:
                code = error.code
            except LecternError as error:
                code = error.code
                violations.append(f"ended with {error.code}, which is not the file's own error")
        seconds = time.monotonic() - started_s
        if peak[0] > DEFAULT_MEMORY_LIMIT_BYTES + MEMORY_MARGIN_BYTES:
            violations.append(f"the parser held {peak[0] >> 20} MiB")
        return Outcome(name, code, seconds, peak[0], tuple(violations), tuple(late))

    def _read(self, name: str, violations: list[str], late: list[str]) -> str:
        began_s = time.monotonic()
        try:
            kind = detect_kind(self._path, name)
        finally:
            if time.monotonic() - began_s > KIND_LIMIT_S:
                late.append(f"recognising it took {time.monotonic() - began_s:.1f} s")
        began_s = time.monotonic()
        try:
            parsed = self._sandbox.parse(self._path, kind)
        finally:
            if time.monotonic() - began_s > self._timeout_s + TIMEOUT_MARGIN_S:
                late.append(f"reading it took {time.monotonic() - began_s:.1f} s")
        if any(LEAKED in page.text for page in parsed.pages):
            violations.append("a file of this machine was read into it")
        self._chunk(name, kind.media_type, parsed, late)
        return code_of(parsed)

    def _chunk(self, name: str, media_type: str, parsed: ParsedDocument, late: list[str]) -> None:
        if sum(len(page.text) for page in parsed.pages) > MOST_CHUNKED_CHARS:
            return
        began_s = time.monotonic()
        context = DocumentContext("default", "d", 1, name, media_type, "2024-01-01T00:00:00+00:00")
        chunk_document(parsed, context=context, tokens=self._tokens, chunk_tokens=CHUNK_TOKENS)
        if time.monotonic() - began_s > CHUNKING_LIMIT_S:
            late.append(f"chunking it took {time.monotonic() - began_s:.1f} s")


def code_of(parsed: ParsedDocument) -> str:
    """What the worker makes of a parsed document."""
    if not parsed.pages_with_text:
        return "needs_ocr" if parsed.pages_needing_ocr else "no_text"
    complete = parsed.all_pages_read and not parsed.pages_needing_ocr
    return "ready" if complete else "partial"


@contextmanager
def _peak_sampled(sandbox: ParserSandbox) -> Iterator[list[int]]:
    """A list of one figure: the parser's largest resident size until the block ends."""
    peak = [0]
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(SAMPLE_EVERY_S):
            pid = sandbox.child_pid
            if pid is not None:
                peak[0] = max(peak[0], resident_bytes(pid))

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        yield peak
    finally:
        ended.set()
        sampler.join()
