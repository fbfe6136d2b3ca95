"""`python -m bench.capacity.measure [FOLDER] [--files 6] [--questions 200]`: the figures, measured.

Files of FOLDER (by default LECTERN_DATA's filings) go through a real embedded server. It prints
bytes of index and registry, seconds of processor for 1,000 pages and 1,000 chunks, and seconds of
processor a question, as bench/capacity/figures.py has them. Seconds of processor are less disturbed
by other processes than seconds on the clock, but not undisturbed.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx

from bench.development_data import development_data
from bench.processes import PROC, SeenProcess, proportional_bytes
from bench.real_server import RealServer
from corpus.index.open import EDGE_FOLDER
from corpus.quiet import set_offline_environment
from lectern.client import Client

QUESTIONS = (
    "What was the net revenue of the year?",
    "Who audits the financial statements?",
    "How much was spent on research and development?",
    "What are the main risks for the business?",
    "How many employees are there?",
)
AT_ONCE = 2
_TICKS = os.sysconf("SC_CLK_TCK")
_MIB = 1 << 20
_BLOCK = 512  # what st_blocks counts


def main() -> None:
    """Ingest, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--files", type=int, default=6)
    parser.add_argument("--questions", type=int, default=200)
    given = parser.parse_args()
    folder = given.folder or development_data() / "filings"
    paths = sorted(folder.glob("*.pdf"))[: given.files]
    if not paths:
        sys.exit(f"{folder} has no PDF.")
    set_offline_environment()
    with tempfile.TemporaryDirectory() as scratch:
        data_dir = Path(scratch) / "data"
        server = RealServer(data_dir)
        server.start()
        try:
            pages, chunks = _ingest(server, paths)
            _weigh_registry(data_dir, pages, chunks)  # before answers are kept there too
            _ask(server, given.questions)
        finally:
            server.stop()
        _weigh_index(data_dir, chunks)


def _ingest(server: RealServer, paths: list[Path]) -> tuple[int, int]:
    before_s, started_s = processor_s(server.processes()), time.perf_counter()
    with closing(Client(server.url)) as client:
        for path in paths:
            client.upload(path, "default")
        while True:
            documents = list(client.documents("default"))
            if all(one["status"] in {"ready", "partial", "failed"} for one in documents):
                break
            time.sleep(0.5)
    took_s = processor_s(server.processes()) - before_s
    pages = sum(one["pages"] for one in documents)
    chunks = sum(one["chunks"] for one in documents)
    print(f"{len(documents)} files, {pages} pages, {chunks} chunks: {chunks / pages:.2f} a page")
    print(f"ingestion: {took_s:.1f} s of processor, {time.perf_counter() - started_s:.1f} s in all")
    print(f"  {1000 * took_s / pages:.1f} s per 1,000 pages, {1000 * took_s / chunks:.1f} s chunks")
    memory = {one.command.split()[-1]: proportional_bytes([one]) for one in server.processes()}
    print("memory:", ", ".join(f"{name} {size // _MIB} MiB" for name, size in memory.items()))
    return pages, chunks


def _ask(server: RealServer, count: int) -> None:
    api = server.processes()[:1]
    with httpx.Client(base_url=server.url, timeout=60, trust_env=False) as http:
        asks: dict[str, Callable[[str], httpx.Response]] = {
            "retrieval": lambda said: http.post("/search", json={"query": said}),
            "extractive answer": lambda said: http.post("/chat", json={"message": said}),
        }
        for name, ask in asks.items():
            for question in QUESTIONS:
                ask(question).raise_for_status()
            before_s, started_s = processor_s(api), time.perf_counter()
            with ThreadPoolExecutor(AT_ONCE) as threads:
                asked = [f"{QUESTIONS[n % len(QUESTIONS)]} ({n})" for n in range(count)]
                list(threads.map(ask, asked))
            took_s, wall_s = processor_s(api) - before_s, time.perf_counter() - started_s
            print(
                f"{name}: {1000 * took_s / count:.1f} ms of processor, so "
                f"{count / took_s:.1f} a second and core; {count / wall_s:.1f} a second here"
            )


def _weigh_registry(data_dir: Path, pages: int, chunks: int) -> None:
    with closing(sqlite3.connect(data_dir / "registry.sqlite")) as connection:
        (count,) = connection.execute("PRAGMA page_count").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    print(f"registry: {count * size / pages:.0f} bytes a page, {count * size / chunks:.0f} a chunk")


def _weigh_index(data_dir: Path, chunks: int) -> None:
    index = data_dir / EDGE_FOLDER
    kinds: Counter[str] = Counter()
    for path in index.rglob("*"):
        if path.is_file():
            kinds["/".join(_kind(path.relative_to(index)))] += path.stat().st_blocks * _BLOCK
    log = kinds.pop("wal", 0)
    print(f"index: {kinds.total() / chunks:.0f} bytes a chunk, and a log of {log // _MIB} MiB")
    for kind, size in kinds.most_common(8):
        print(f"  {size / chunks:8.0f}  {kind}")


def _kind(path: Path) -> Iterable[str]:
    """The path without a segment's name."""
    return [part for part in path.parts[:-1] if len(part) < 36][:3] or ["."]


def processor_s(processes: Iterable[SeenProcess]) -> float:
    """Seconds that the processes, and the children they have waited for, have computed so far."""
    total = 0
    for one in processes:
        try:
            fields = (PROC / str(one.pid) / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(int(fields[place]) for place in (11, 12, 13, 14))
    return total / _TICKS


if __name__ == "__main__":
    main()
