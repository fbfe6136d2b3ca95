"""`python -m bench.bulk [--files 1000]`: many small files in one request, then one big one.

All become ready and none twice; what it takes of the API process's memory, and whether others
notice, in figures. Exits with 1 when a document is missing, doubled or not ready.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import httpx

from bench.chaos.stores_audit import audit_stores
from bench.generated.small_files import write_small_files
from bench.health_probe import HealthProbe, percentile
from bench.real_server import RealServer
from corpus.quiet import set_offline_environment
from corpus.registry.database.engine import open_sqlite_registry
from corpus.values import FINAL_STATUSES
from lectern.client import Client

BIG_BYTES = 199 << 20  # the largest file accepted is 200 MiB
REQUEST_TIMEOUT_S = 900.0
MIB = 1 << 20


@dataclass(slots=True)
class Memory:
    """The resident memory of a process, MiB."""

    before: float
    peak: float
    after: float


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1000)
    count = parser.parse_args().files
    set_offline_environment()
    with tempfile.TemporaryDirectory() as scratch:
        folder, data_dir = Path(scratch) / "files", Path(scratch) / "data"
        write_small_files(folder, count)
        server = RealServer(data_dir)
        server.start()
        try:
            with closing(Client(server.url)) as client:
                good = _many(client, server.pid, folder, count)
                good = _again(client, folder, count) and good
                _big(client, server.pid, Path(scratch) / "big.txt")
        finally:
            server.stop()
        good = _stores_agree(data_dir, count) and good
    sys.exit(0 if good else 1)


def _many(client: Client, pid: int, folder: Path, count: int) -> bool:
    with HealthProbe(client.url) as probe, _watched(pid) as accepting:
        started_s = time.perf_counter()
        outcomes = _post(client, sorted(folder.iterdir()))["documents"]
        accepted_s = time.perf_counter() - started_s
    accepted = [one for one in outcomes if "id" in one]
    print(f"{count} files in one request: {len(accepted)} accepted after {accepted_s:.1f} s")
    _print_memory("API while it receives", accepting)
    _print_health("while it receives", probe)
    with HealthProbe(client.url) as probe, _watched(pid) as ingesting:
        statuses = _wait_for_all(client, count)
        ready_s = time.perf_counter() - started_s
    print(f"final after {ready_s:.1f} s ({count / ready_s:.1f} files/s): {dict(statuses)}")
    _print_memory("API while they are ingested", ingesting)
    _print_health("while they are ingested", probe)
    documents = list(client.documents("default"))
    hashes = Counter(document["content_sha256"] for document in documents)
    print(f"documents {len(documents)}, doubled {sum(n > 1 for n in hashes.values())}")
    return len(hashes) == len(documents) == count == statuses["ready"]


def _stores_agree(data_dir: Path, count: int) -> bool:
    with closing(open_sqlite_registry(data_dir / "registry.sqlite")) as registry:
        report = audit_stores(data_dir, registry)
    print(f"documents {report.documents}, chunks {report.chunks}, nodes {report.nodes}")
    for problem in (*report.violations, *report.leftovers):
        print(f"  {problem}")
    agree = report.documents == count and report.chunks == report.nodes
    return agree and not report.violations and not report.leftovers


def _again(client: Client, folder: Path, count: int) -> bool:
    started_s = time.perf_counter()
    added = subprocess.run(
        [sys.executable, "-m", "lectern", "add", str(folder), "--url", client.url],
        capture_output=True,
        text=True,
        check=False,
    )
    last = added.stdout.splitlines()[-1] if added.stdout else added.stderr
    print(f"lectern add of the same folder, {time.perf_counter() - started_s:.1f} s: {last}")
    return f"{count:,} already there" in last


def _big(client: Client, pid: int, path: Path) -> None:
    with path.open("wb") as file:
        line = b"The tide rises and falls. " * 400 + b"\n"
        while file.tell() < BIG_BYTES:
            file.write(line)
    with HealthProbe(client.url) as probe, _watched(pid) as memory:
        started_s = time.perf_counter()
        document = client.upload(path, "big")
        took_s = time.perf_counter() - started_s
    rate = path.stat().st_size / MIB / took_s
    print(f"one file of {path.stat().st_size / MIB:.0f} MiB: {took_s:.1f} s, {rate:.0f} MiB/s")
    _print_memory("API meanwhile", memory)
    _print_health("meanwhile", probe)
    client.delete(document["id"])  # reading it is another bench's


def _post(client: Client, paths: list[Path]) -> dict[str, Any]:
    with httpx.Client(timeout=REQUEST_TIMEOUT_S, trust_env=False) as http:
        response = http.post(
            f"{client.url}/documents",
            content=_form(paths),
            headers={"content-type": "multipart/form-data; boundary=bench"},
        )
    found: dict[str, Any] = response.raise_for_status().json()
    return found


def _form(paths: list[Path]) -> Iterator[bytes]:
    for path in paths:
        said = f'Content-Disposition: form-data; name="file"; filename="{path.name}"'
        yield f"--bench\r\n{said}\r\n\r\n".encode()
        with path.open("rb") as file:
            yield from _pieces(file)
        yield b"\r\n"
    yield b"--bench--\r\n"


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(MIB):
        yield piece


def _wait_for_all(client: Client, count: int) -> Counter[str]:
    final = sorted(FINAL_STATUSES)
    while True:
        statuses = Counter(document["status"] for document in client.documents("default"))
        if sum(statuses[status] for status in final) >= count:
            return statuses
        time.sleep(2.0)


@contextmanager
def _watched(pid: int) -> Iterator[Memory]:
    memory = Memory(_rss_mib(pid), 0.0, 0.0)
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            memory.peak = max(memory.peak, _rss_mib(pid))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        done.set()
        thread.join()
        memory.after = _rss_mib(pid)


def _rss_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _print_memory(what: str, memory: Memory) -> None:
    print(
        f"memory of the {what}: {memory.before:.0f} MiB before, {memory.peak:.0f} at most, "
        f"{memory.after:.0f} after"
    )


def _print_health(what: str, probe: HealthProbe) -> None:
    latencies_ms = probe.latencies_ms or [0.0]
    print(
        f"/healthz {what}: {len(probe.latencies_ms)} answers, "
        f"p50 {percentile(latencies_ms, 0.5):.1f} ms, p99 {percentile(latencies_ms, 0.99):.1f} ms, "
        f"worst {max(latencies_ms):.1f} ms"
    )


if __name__ == "__main__":
    main()
