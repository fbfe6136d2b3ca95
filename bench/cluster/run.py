"""One run: clients and a storm of faults side by side, then quiet, then the audits."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from bench.chaos.answers_audit import audit_answers
from bench.chaos.quiet import send_failed_ones_again, wait_until_quiet
from bench.chaos.record import Record
from bench.chaos.run import expect_no_orphans, side_by_side
from bench.chaos.stores_audit import StoresReport, compare_stores
from bench.cluster.client import ClusterClient, shared_texts
from bench.cluster.faults import Cluster
from bench.cluster.members import Member, Replica, WorkerMember, wait_until_ready
from bench.cluster.mending import strays_removed, wait_for_mending
from bench.cluster.service import ClusterService
from bench.cluster.stores import Stores, running_stores
from bench.cluster.storm import Storm, look_at
from corpus.registry.database.postgres import open_postgres_registry
from tests.doubles.cut_proxy import CutProxy

SHARED_TEXTS = 12
START_LIMIT_S = 180.0


@dataclass(frozen=True, slots=True)
class Plan:
    """`folder` takes data and logs; the storm begins with the faults named in `first`."""

    folder: Path
    seed: int
    duration_s: float
    replicas: int = 2
    workers: int = 2
    clients: int = 4
    first: Sequence[str] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[Path], object] = lambda folder: folder.mkdir(parents=True)


@dataclass(frozen=True, slots=True)
class Report:
    """What happened; the run is good when there are no `violations`.

    `strays`: originals that no version refers to, which the reconciler removes after an hour.
    """

    counts: Counter[str]
    recoveries_s: Mapping[str, Sequence[float]]
    storm_s: float
    quiet_s: float
    failed_by_kills: int
    strays: int
    stores: StoresReport
    violations: tuple[str, ...]


def run_cluster(plan: Plan) -> Report:
    """Make the run. Raises `ServerFailedError` when the cluster does not come up."""
    record, shared = Record(), shared_texts(plan.seed, SHARED_TEXTS)
    with ExitStack() as stack:
        log = stack.enter_context((plan.folder / "storm.log").open("w"))
        started_s = time.monotonic()

        def say(sentence: str) -> None:
            log.write(f"{time.monotonic() - started_s:8.1f} s  {sentence}\n")
            log.flush()

        stores = stack.enter_context(running_stores())
        cluster = stack.enter_context(_running(plan, stores, record))
        services = [
            stack.enter_context(
                ClusterService(
                    [way.url for way in cluster.client_ways],
                    record,
                    random.Random(f"{plan.seed}/service {number}"),
                )
            )
            for number in range(plan.clients + 2)
        ]
        clients = [
            ClusterClient(number, services[number], record, shared, plan.seed)
            for number in range(plan.clients)
        ]
        storm = Storm(cluster, services[-2], record, plan.seed, say)
        ended = threading.Event()
        work = [*(partial(one.run, ended) for one in clients), partial(look_at, cluster, ended)]
        storm_began_s = time.monotonic()
        with side_by_side(work, ended):
            storm.run(plan.duration_s, plan.first)
        storm_s = time.monotonic() - storm_began_s
        say("the storm is over")
        stores.restore()

        auditor = services[-1]
        wait_until_ready(cluster.replicas, START_LIMIT_S)
        documents = wait_until_quiet(auditor, record)
        failed = send_failed_ones_again(auditor, record, documents, shared)
        documents = wait_until_quiet(auditor, record)
        quiet_s = time.monotonic() - storm_began_s - storm_s
        say(f"quiet after {quiet_s:.0f} s")
        audit_answers(auditor, record, documents, shared)
        registry = open_postgres_registry(SecretStr(stores.postgres.url))
        stack.callback(registry.close)
        wait_for_mending(registry, record)
        members: list[Member] = [*cluster.replicas, *cluster.workers]
        for member in members:
            member.stop()
        expect_no_orphans({one for member in members for one in member.seen}, record)
        strays = strays_removed(registry, stores.bucket, plan.folder, record)
        audited = compare_stores(registry, stores.points(), stores.originals())
        for violation in record.violations:
            say(f"VIOLATION {violation}")
    return Report(
        counts=record.counts,
        recoveries_s=storm.recoveries_s,
        storm_s=storm_s,
        quiet_s=quiet_s,
        failed_by_kills=failed,
        strays=strays,
        stores=audited,
        violations=(*record.violations, *audited.violations, *audited.leftovers),
    )


@contextmanager
def _running(plan: Plan, stores: Stores, record: Record) -> Iterator[Cluster]:
    """All members, ready; ended with the block."""
    settings = {**stores.settings(), "LECTERN_OCR": "off", **plan.settings}
    with ExitStack() as opened:

        def made(name: str) -> Path:
            plan.prepare(plan.folder / name)
            return plan.folder / name

        replicas = [
            Replica(name, made(name), settings, record)
            for name in (f"api-{number}" for number in range(plan.replicas))
        ]
        workers = [
            WorkerMember(name, made(name), settings, record)
            for name in (f"worker-{number}" for number in range(plan.workers))
        ]
        for member in (*replicas, *workers):
            opened.enter_context(member)
        ways = [opened.enter_context(CutProxy(replica.port)) for replica in replicas]
        wait_until_ready(replicas, START_LIMIT_S)
        yield Cluster(stores, replicas, workers, ways)
