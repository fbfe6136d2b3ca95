"""The short form of `python -m bench.cluster`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.cluster.run import Plan, run_cluster
from tests.postgres import programs

FAULTS = (
    "worker killed",
    "Postgres restarted",
    "bucket says 503",
    "Qdrant unreachable",
    "API killed",
    "all connections cut",
)


@pytest.mark.timeout(1200)  # a machine that is busy besides starts processes slowly
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.skipif(programs() is None, reason="Postgres is not installed")
def test_whatever_fails_of_a_cluster_everything_acknowledged_is_there_once_and_nothing_else(
    make_data_dir: Callable[[], Path], tmp_path: Path
) -> None:
    def prepare(folder: Path) -> None:
        folder.symlink_to(make_data_dir())  # with the models that are built already

    plan = Plan(tmp_path, seed=11, duration_s=40, clients=3, first=FAULTS, prepare=prepare)
    report = run_cluster(plan)
    assert report.violations == ()
    assert len(report.recoveries_s) >= 3
    assert report.counts["uploads accepted"] > 0
    assert report.counts["deletions accepted"] > 0
    assert report.stores.nodes == report.stores.chunks > 0
