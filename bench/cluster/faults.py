"""What can go wrong with a cluster, each with how to begin it and how to end it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.cluster.members import Replica, WorkerMember
from bench.cluster.stores import Stores
from tests.doubles.cut_proxy import CutProxy


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Fault:
    """`begin` it, and `end` it after a time within `lasts_s`; (0, 0): it is over at once."""

    name: str
    weight: int
    begin: Callable[[], object]
    end: Callable[[], object] = _nothing
    lasts_s: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Cluster:
    """What there is to break: `client_ways` lead to the replicas, in their order."""

    stores: Stores
    replicas: Sequence[Replica]
    workers: Sequence[WorkerMember]
    client_ways: Sequence[CutProxy]


def faults_of(cluster: Cluster, rng: random.Random) -> list[Fault]:
    """All kinds; `rng` chooses victims."""
    stores = cluster.stores
    qdrant, postgres, bucket = stores.qdrant_way, stores.postgres_way, stores.bucket_way
    return [
        Fault("API killed", 4, lambda: rng.choice(cluster.replicas).kill()),
        Fault("worker killed", 5, lambda: rng.choice(cluster.workers).kill()),
        Fault("parser killed", 2, lambda: rng.choice(cluster.workers).kill_child()),
        Fault("Postgres restarted", 3, lambda: _restart(stores)),
        Fault("Postgres unreachable", 2, postgres.refuse, postgres.pass_on, (2, 10)),
        Fault("Postgres slow", 1, lambda: postgres.delay(0.05), postgres.pass_on, (3, 8)),
        Fault(
            "bucket says 503", 2, lambda: bucket.answer(503, "SlowDown"), bucket.restore, (3, 12)
        ),
        Fault("bucket unreachable", 2, bucket.refuse, bucket.restore, (3, 12)),
        Fault("bucket silent", 1, bucket.hang, bucket.restore, (3, 12)),
        Fault(
            "bucket breaks off", 2, lambda: bucket.cut_answers_after(200), bucket.restore, (3, 12)
        ),
        Fault("Qdrant unreachable", 4, qdrant.refuse, qdrant.pass_on, (5, 20)),
        Fault("Qdrant breaks off", 2, lambda: qdrant.cut_every(3, 60), qdrant.pass_on, (5, 15)),
        Fault("Qdrant slow", 1, lambda: qdrant.delay(0.3), qdrant.pass_on, (3, 8)),
        Fault("all connections cut", 2, lambda: _cut_all(cluster)),
        Fault("clients cut off", 2, lambda: _each(cluster, CutProxy.cut_all)),
        Fault(
            "clients break off",
            1,
            lambda: _each(cluster, lambda way: way.cut_every(4, 100)),
            lambda: _each(cluster, CutProxy.pass_on),
            (3, 10),
        ),
    ]


def _each(cluster: Cluster, change: Callable[[CutProxy], None]) -> None:
    for way in cluster.client_ways:
        change(way)


def _restart(stores: Stores) -> None:
    stores.postgres.stop("immediate")
    stores.postgres.start()


def _cut_all(cluster: Cluster) -> None:
    stores = cluster.stores
    for way in (stores.postgres_way, stores.qdrant_way, *cluster.client_ways):
        way.cut_all()
    stores.bucket_way.refuse()
    stores.bucket_way.restore()
