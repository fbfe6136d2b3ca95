"""Our side: a real server from upload to ready, with the memory of it all; and parsing alone."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from bench.processes import proportional_bytes
from bench.real_server import RealServer
from bench.stock.figures import Ingested, Parsed
from corpus.embedding.minilm import DIMENSION
from corpus.embedding.tokens import TokenizerFile
from corpus.embedding.weights import model_folder, tokenizer_file
from corpus.index.edge.store import EdgeVectorStore
from corpus.index.open import EDGE_FOLDER
from corpus.values import FINAL_STATUSES
from ingestion.parsing.pdf.text_layer import parse_pdf

MAX_PAGES = 100_000
LOOK_EVERY_S = 0.1
SAMPLE_EVERY_S = 0.25
TIMEOUT_S = 120.0


def ingest(paths: Sequence[Path], chunk_tokens: int) -> Ingested:
    """Upload all to a new server that is warm, and wait until they are ready."""
    with tempfile.TemporaryDirectory() as scratch:
        server = RealServer(Path(scratch) / "data", {"LECTERN_CHUNK_TOKENS": str(chunk_tokens)})
        server.start()
        try:
            with (
                httpx.Client(base_url=server.url, timeout=TIMEOUT_S, trust_env=False) as http,
                _peak_memory(server) as peak,
            ):
                _until_ready(http, [_upload(http, "warm.md", b"# Warm\n\nWords of all kinds.")])
                started_s = time.perf_counter()
                ids = [_upload(http, path.name, path.read_bytes()) for path in paths]
                pages = _until_ready(http, ids)
                seconds = time.perf_counter() - started_s
        finally:
            server.stop()
        texts = _chunks(server.data_dir, ids)
    tokens = TokenizerFile(tokenizer_file(model_folder()))
    return Ingested(
        pages=pages,
        chunks=len(texts),
        tokens=sum(len(tokens.offsets(text)) for text in texts),
        chars=sum(len(text) for text in texts),
        seconds=seconds,
        peak_bytes=peak[0],
    )


def parse(paths: Sequence[Path]) -> Parsed:
    """Read all in this process, one after the other, as the parser process does."""
    pages = chars = 0
    started_s = time.perf_counter()
    for path in paths:
        parsed = parse_pdf(path, max_pages=MAX_PAGES)
        pages += len(parsed.pages)
        chars += sum(len(page.text) for page in parsed.pages)
    return Parsed(pages=pages, chars=chars, seconds=time.perf_counter() - started_s)


def _upload(http: httpx.Client, name: str, content: bytes) -> str:
    response = http.post("/documents", files={"file": (name, content)})
    return str(response.raise_for_status().json()["id"])


def _until_ready(http: httpx.Client, ids: Sequence[str]) -> int:
    """How many pages they have together."""
    pages = 0
    for document_id in ids:
        while True:
            document = http.get(f"/documents/{document_id}").raise_for_status().json()
            if document["status"] in FINAL_STATUSES:
                break
            time.sleep(LOOK_EVERY_S)
        if document["status"] == "failed":
            raise SystemExit(f"{document['filename']} failed: {document['error']}")
        pages += document["pages"]
    return pages


def _chunks(data_dir: Path, ids: Sequence[str]) -> list[str]:
    store = EdgeVectorStore.open(data_dir / EDGE_FOLDER, DIMENSION)
    try:
        nodes = store.get_nodes()
    finally:
        store.close()
    wanted = set(ids)
    return [node.get_content() for node in nodes if node.metadata["document_id"] in wanted]


@contextmanager
def _peak_memory(server: RealServer) -> Iterator[list[int]]:
    """A list of one figure: the most that all its processes held together (PSS)."""
    peak = [0]
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(SAMPLE_EVERY_S):
            peak[0] = max(peak[0], proportional_bytes(server.processes()))

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        yield peak
    finally:
        ended.set()
        sampler.join()
