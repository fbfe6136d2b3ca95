"""`python -m bench.embedding FILE ... --stock-python PATH [--texts 400]`.

Embeds the chunks of these files (as the worker cuts them) with sentence-transformers on torch, and
with ours in float32 and in int8: same weights, same threads, one after the other on an otherwise
quiet machine. Prints tokens/s, the ratio, and the cosine of each vector to torch's. How to make the
other environment: bench/stock/__main__.py.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np
from llama_index.core.schema import MetadataMode
from numpy.typing import NDArray

from bench.embedding.sample import evenly
from bench.stock.other_python import run_there
from corpus.embedding.graph_cache import Precision
from corpus.embedding.minilm import LIMIT_TOKENS, MiniLmEmbedding
from corpus.embedding.tokens import TokenCounter, TokenizerFile
from corpus.embedding.weights import model_folder, tokenizer_file
from corpus.kinds.recognition import detect_kind
from corpus.quiet import set_offline_environment
from ingestion.chunking.chunking import DocumentContext, chunk_document
from ingestion.parsing.parsers import parse
from ingestion.pipeline.pipeline import EMBED_BATCH

REFERENCE = Path(__file__).with_name("torch_reference.py")
MAX_PAGES = 10_000
ROUNDS = 2


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.embedding")
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--stock-python", type=Path, required=True)
    parser.add_argument("--texts", type=int, default=400, help="so many, spread over all")
    chosen = parser.parse_args()
    set_offline_environment()
    counter = TokenizerFile(tokenizer_file(model_folder()))
    chunks = [text for path in chosen.files for text in _chunks(path, counter)]
    texts = evenly(chunks, chosen.texts)
    tokens = sum(min(LIMIT_TOKENS, len(counter.offsets(text)) + 2) for text in texts)
    threads = os.cpu_count() or 1
    print(f"{len(texts)} chunks, {tokens} tokens, {threads} threads")
    with tempfile.TemporaryDirectory() as scratch:
        stock_s, exact = _reference(chosen.stock_python, texts, threads, Path(scratch))
        print(f"sentence-transformers: {tokens / stock_s:.0f} tokens/s", flush=True)
        for precision in get_args(Precision):
            model = MiniLmEmbedding.open(Path(scratch), threads, precision)
            seconds, vectors = _ours(model, texts)
            cosines = np.sum(exact * vectors, axis=1)
            print(
                f"ours, {precision}: {tokens / seconds:.0f} tokens/s, {stock_s / seconds:.2f} "
                f"times; cosine to torch's: least {cosines.min():.4f}, mean {cosines.mean():.4f}",
                flush=True,
            )
        query = MiniLmEmbedding.open(Path(scratch), 1, "float32")
        print(f"one question, float32, one thread: p50 {_query_ms(query):.2f} ms")


def _chunks(path: Path, counter: TokenCounter) -> list[str]:
    parsed = parse(path, detect_kind(path, path.name), max_pages=MAX_PAGES)
    nodes = chunk_document(
        parsed,
        context=DocumentContext(
            collection="bench",
            document_id="00000000-0000-0000-0000-000000000000",
            version=1,
            filename=path.name,
            media_type="application/octet-stream",
            created_at="2026-01-01T00:00:00+00:00",
        ),
        tokens=counter,
        chunk_tokens=LIMIT_TOKENS,
    )
    return [node.get_content(MetadataMode.EMBED) for node in nodes]


def _reference(
    python: Path, texts: Sequence[str], threads: int, scratch: Path
) -> tuple[float, NDArray[np.float32]]:
    given, vectors = scratch / "texts.json", scratch / "vectors.npy"
    given.write_text(json.dumps(texts))
    arguments = [str(model_folder()), str(threads), str(given), str(vectors)]
    return float(run_there(python, REFERENCE, arguments)["seconds"]), np.load(vectors)


def _ours(model: MiniLmEmbedding, texts: Sequence[str]) -> tuple[float, NDArray[np.float32]]:
    """The seconds of the fastest round, and the vectors; in the portions of the worker."""
    model.embed(texts[:16])
    seconds = []
    for _ in range(ROUNDS):
        started_s = time.perf_counter()
        parts = [model.embed(texts[i : i + EMBED_BATCH]) for i in range(0, len(texts), EMBED_BATCH)]
        vectors = np.concatenate(parts)
        seconds.append(time.perf_counter() - started_s)
    return min(seconds), vectors


def _query_ms(model: MiniLmEmbedding) -> float:
    questions = [f"What was the total revenue of the company in {year}?" for year in range(100)]
    taken = []
    for question in questions:
        started_s = time.perf_counter()
        model.embed([question])
        taken.append((time.perf_counter() - started_s) * 1000)
    return float(np.median(taken))


if __name__ == "__main__":
    main()
