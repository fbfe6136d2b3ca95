"""The short form of `python -m bench.chaos`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.chaos.run import Plan, run_chaos


@pytest.mark.timeout(900)  # a machine that is busy besides starts servers slowly
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_whatever_is_killed_everything_acknowledged_is_there_once_and_nothing_else(
    make_data_dir: Callable[[], Path],
) -> None:
    plan = Plan(make_data_dir(), seed=20, kills=12, duration_s=12, clients=3)
    report = run_chaos(plan)
    assert report.violations == ()
    assert report.kills.total() == 12
    assert report.counts["uploads accepted"] > 0
    assert report.stores.nodes == report.stores.chunks > 0
