"""`python -m bench.chat [--folder DIR] [--chunks N] [--flat N]`: chats a second, and their time.

Both servers have the same chunks with the same embeddings, and ask the same LLM, a process that
answers at once. Printed for 1, 10 and 50 chats at a time: from the request to the LLM's being asked
(the pipeline's own time), to the first token, to the end, and chats a second. With --flat, so many
more requests are sent to Lectern, and its memory is told on the way. With --folder the index is
kept, and used the next time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
from llama_index.vector_stores.qdrant import QdrantVectorStore
from qdrant_client import QdrantClient
from rich.console import Console
from rich.table import Table

from bench.chat.load import Target, ask_many
from bench.chat.stock_chat import COLLECTION
from bench.processes import proportional_bytes
from bench.real_server import RealServer
from corpus.index.edge.store import EdgeVectorStore
from corpus.quiet import set_offline_environment
from corpus.settings import Settings
from lectern.server.wiring import ELSEWHERE, service_parts

TOPICS = ("anchor", "beacon", "compass", "dinghy", "engine", "ferry", "galley", "harbour")
PLACES = ("Oslo", "Bergen", "Kyoto", "Lisbon", "Dublin", "Riga", "Porto", "Malmo")
SENTENCES_A_FILE = 500
CHUNK_TOKENS = "32"  # so that each paragraph is a chunk
LEVELS = (1, 10, 50)
MIB = 1 << 20


def main() -> None:
    """Fill, measure both, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="keep the index here")
    parser.add_argument("--chunks", type=int, default=20_000)
    parser.add_argument("--requests", type=int, default=200, help="at each level, at most")
    parser.add_argument("--flat", type=int, default=0, help="so many more requests, for the memory")
    wanted = parser.parse_args()
    set_offline_environment()
    with _folder(wanted.folder) as folder, _llm() as llm_url:
        settings = {
            "LECTERN_LLM": f"{llm_url}/v1",
            "LECTERN_LLM_MODEL": "at-once",
            "LECTERN_LLM_CONCURRENCY": "64",
            "LECTERN_CHUNK_TOKENS": CHUNK_TOKENS,
        }
        server = RealServer(folder / "lectern", settings)
        server.start()
        try:
            _fill(server.url, wanted.chunks)
            ours = Target("Lectern", f"{server.url}/chat", _our_body, b"event: token")
            rows = _measured(ours, llm_url, wanted.requests)
            if wanted.flat:
                _flat(server, ours, wanted.flat)
        finally:
            server.stop()
        _copy(folder)
        with _stock(folder, llm_url) as url:
            stock = Target("stock LlamaIndex", f"{url}/chat", _their_body, b"word0")
            # A tenth of the requests: it takes that much longer.
            rows += _measured(stock, llm_url, max(20, wanted.requests // 10))
    _print(rows)


def _our_body(question: str) -> dict[str, object]:
    return {"message": question, "stream": True}


def _their_body(question: str) -> dict[str, object]:
    return {"message": question}


def sentence(number: int) -> str:
    """A sentence unlike the others."""
    topic, place = TOPICS[number % 8], PLACES[number // 8 % 8]
    return (
        f"The {topic} with the number {number} was built in {place} in the year "
        f"{1900 + number % 120}, weighs {number % 977 + 3} kilograms, and belongs to keeper "
        f"{number % 313}."
    )


def _questions(count: int) -> list[str]:
    return [
        f"Where was the {TOPICS[number % 8]} with the number {number} built?"
        for number in range(7, 7 + 13 * count, 13)
    ]


def _fill(url: str, chunks: int) -> None:
    with httpx.Client(base_url=url, timeout=120) as http:
        if http.get("/documents", params={"limit": 1}).json()["documents"]:
            return
        for first in range(0, chunks, SENTENCES_A_FILE):
            numbers = range(first, min(first + SENTENCES_A_FILE, chunks))
            text = "\n\n".join(sentence(number) for number in numbers)
            files = {"file": (f"part{first}.txt", text.encode())}
            http.post("/documents", files=files).raise_for_status()
        while True:
            documents = http.get("/documents", params={"limit": 200}).json()["documents"]
            if all(one["status"] == "ready" for one in documents):
                return
            time.sleep(1)


def _copy(folder: Path) -> None:
    """Into the folder of a local Qdrant, all nodes with their embeddings."""
    target = folder / "stock"
    if target.exists():
        return
    settings = Settings(data_dir=folder / "lectern", llm="extractive")
    with service_parts(settings, ELSEWHERE) as parts, closing(QdrantClient(path=str(target))) as it:
        assert isinstance(parts.store, EdgeVectorStore)  # noqa: S101
        nodes = parts.store.get_nodes(limit=None)
        for node in nodes:
            stored = parts.store.stored_embeddings([node.node_id])[node.node_id]
            node.embedding = stored.vector()
        QdrantVectorStore(client=it, collection_name=COLLECTION).add(nodes)


def _measured(target: Target, llm_url: str, requests: int) -> list[list[str]]:
    asyncio.run(ask_many(target, _questions(5), 1, 10_000_000))  # warm
    rows = []
    for level in LEVELS:
        first_number = level * 1_000_000
        started_s = time.monotonic()
        timed = asyncio.run(ask_many(target, _questions(requests), level, first_number))
        seconds = time.monotonic() - started_s
        arrivals = _arrivals(llm_url)
        asked_ms = [(arrivals[one.number] - one.sent_s) * 1000 for one in timed]
        first_ms = [(one.first_s - one.sent_s) * 1000 for one in timed]
        done_ms = [(one.done_s - one.sent_s) * 1000 for one in timed]
        cells = [_quantiles(values) for values in (asked_ms, first_ms, done_ms)]
        rows.append([target.name, str(level), *cells, f"{len(timed) / seconds:.1f}"])
    return rows


def _quantiles(values_ms: Sequence[float]) -> str:
    cuts = statistics.quantiles(values_ms, n=100, method="inclusive")
    return f"{cuts[49]:.0f} / {cuts[98]:.0f}"


def _flat(server: RealServer, target: Target, requests: int) -> None:
    for part in range(10):
        questions = _questions(requests // 10)
        asyncio.run(ask_many(target, questions, 10, 20_000_000 + part * requests))
        print(f"{(part + 1) * requests // 10} requests: {_memory(server):.0f} MiB")


def _memory(server: RealServer) -> float:
    return proportional_bytes(server.processes()[:1]) / MIB


def _arrivals(llm_url: str) -> dict[int, float]:
    with urllib.request.urlopen(f"{llm_url}/arrivals", timeout=30) as reply:  # noqa: S310
        return {int(number): at_s for number, at_s in json.load(reply).items()}


@contextmanager
def _llm() -> Iterator[str]:
    command = [sys.executable, "-m", "bench.chat.llm_at_once"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


@contextmanager
def _stock(folder: Path, llm_url: str) -> Iterator[str]:
    port = "18765"
    arguments = [str(folder / "stock"), str(folder / "lectern" / "models"), f"{llm_url}/v1", port]
    command = [sys.executable, "-m", "bench.chat.stock_chat", *arguments]
    with subprocess.Popen(command) as process:
        try:
            _wait(f"http://127.0.0.1:{port}/openapi.json")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait(url: str) -> None:
    for _ in range(1200):
        try:
            httpx.get(url, timeout=5)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"{url} does not answer")


@contextmanager
def _folder(wanted: Path | None) -> Iterator[Path]:
    if wanted is not None:
        wanted.mkdir(parents=True, exist_ok=True)
        yield wanted
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def _print(rows: Sequence[Sequence[str]]) -> None:
    table = Table(title="milliseconds, p50 / p99")
    for name in ("", "at a time", "LLM asked", "first token", "done", "chats/s"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


if __name__ == "__main__":
    main()
