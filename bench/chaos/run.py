"""One run: clients and a killer side by side, then quiet, then the audits."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.chaos.answers_audit import audit_answers
from bench.chaos.client import Client
from bench.chaos.killer import Killer
from bench.chaos.probe import Probe
from bench.chaos.quiet import send_failed_ones_again, wait_until_quiet
from bench.chaos.record import Record
from bench.chaos.service import Service
from bench.chaos.stores_audit import StoresReport, audit_stores
from bench.chaos.texts import make_text
from bench.processes import SeenProcess
from bench.real_server import RealServer
from corpus.registry.open import open_registry
from corpus.settings import Settings

SHARED_TEXTS = 12
HEALTH_EVERY_S = 0.05
CHAT_EVERY_S = 0.3
CHAT_QUESTION = {"message": "Which station recorded copper?", "collection": "client-0"}
# A worker whose server was killed ends by itself within its grace.
ORPHAN_LIMIT_S = 40.0


@dataclass(frozen=True, slots=True)
class Plan:
    """`kills` spread over `duration_s` seconds; `settings` are environment variables."""

    data_dir: Path
    seed: int
    kills: int
    duration_s: float
    clients: int = 4
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """What happened; the run is good when there are no `violations`.

    `left_by_kills`: what the stores held at the first stop that the next start had to mend.
    """

    counts: Counter[str]
    kills: Counter[str]
    restarts_s: list[float]
    storm_s: float
    quiet_s: float
    failed_by_kills: int
    healthz: Probe
    chat: Probe
    left_by_kills: tuple[str, ...]
    stores: StoresReport
    violations: tuple[str, ...]


def run_chaos(plan: Plan) -> Report:
    """Make the run in a folder that is empty (but for `models`), and leave the folder as it ends.

    Raises `ServerFailedError` when the server does not come up or does not stop.
    """
    record = Record()
    server = RealServer(plan.data_dir, plan.settings)
    up = threading.Event()
    killer = Killer(server, up, plan.seed)
    shared = [make_text(random.Random(f"{plan.seed}/{n}")) for n in range(SHARED_TEXTS)]
    healthz = Probe(server.url, lambda http: http.get("/healthz"), HEALTH_EVERY_S)
    chat = Probe(server.url, lambda http: http.post("/chat", json=CHAT_QUESTION), CHAT_EVERY_S)
    with ExitStack() as stack:
        server.start()
        stack.callback(server.stop)
        up.set()
        services = [
            stack.enter_context(Service(server.url, record)) for _ in range(plan.clients + 1)
        ]
        clients = [
            Client(number, services[number], record, shared, plan.seed)
            for number in range(plan.clients)
        ]
        started_s = time.monotonic()
        ended = threading.Event()
        work = [
            *(partial(client.run, ended) for client in clients),
            partial(healthz.run, up, ended),
            partial(chat.run, up, ended),
        ]
        with side_by_side(work, ended):
            killer.run(plan.kills, plan.duration_s)
        storm_s = time.monotonic() - started_s

        auditor = services[-1]
        documents = wait_until_quiet(auditor, record)
        failed = send_failed_ones_again(auditor, record, documents, shared)
        wait_until_quiet(auditor, record)
        quiet_s = time.monotonic() - started_s - storm_s
        _stop(server, killer, record)
        first = _audit_folder(plan)
        # Starting mends what the kills left; that has to be enough.
        _let_time_pass(plan.data_dir / "originals")
        server.start()
        documents = wait_until_quiet(auditor, record)
        audit_answers(auditor, record, documents, shared)
        wait_until_quiet(auditor, record)
        _stop(server, killer, record)
    stores = _audit_folder(plan)
    expect_no_orphans(killer.seen, record)
    return Report(
        counts=record.counts,
        kills=killer.kills,
        restarts_s=killer.restarts_s,
        storm_s=storm_s,
        quiet_s=quiet_s,
        failed_by_kills=failed,
        healthz=healthz,
        chat=chat,
        left_by_kills=(*first.violations, *first.leftovers),
        stores=stores,
        violations=(*record.violations, *stores.violations, *stores.leftovers),
    )


@contextmanager
def side_by_side(work: Sequence[Callable[[], None]], ended: threading.Event) -> Iterator[None]:
    """Do it all in threads until the block ends; an error in one of them is raised here then."""
    with ThreadPoolExecutor(len(work)) as threads:
        running = [threads.submit(one) for one in work]
        try:
            yield
        finally:
            ended.set()
    for one in running:
        one.result()


def _stop(server: RealServer, killer: Killer, record: Record) -> None:
    killer.look()
    code = server.stop()
    if code != 0:
        record.violation(f"the server ended with exit code {code}:\n{server.log_tail()}")


def _audit_folder(plan: Plan) -> StoresReport:
    # The setting's alias, so that it is the same variable that the server reads.
    settings = Settings(data_dir=plan.data_dir, **plan.settings)  # type: ignore[arg-type]
    registry = open_registry(settings)
    try:
        return audit_stores(plan.data_dir, registry)
    finally:
        registry.close()


def _let_time_pass(originals: Path) -> None:
    """Make the originals two hours older: one that is new might belong to an upload under way."""
    for path in originals.rglob("*"):
        then_s = path.stat().st_mtime - 7200
        os.utime(path, (then_s, then_s))


def expect_no_orphans(seen: set[SeenProcess], record: Record) -> None:
    """Wait for them to end; a violation for each that does not."""
    ends_s = time.monotonic() + ORPHAN_LIMIT_S
    while time.monotonic() < ends_s:
        if not any(process.is_running() for process in seen):
            return
        time.sleep(0.2)
    for process in seen:
        if process.is_running():
            record.violation(f"process {process.pid} outlives its server: {process.command}")
