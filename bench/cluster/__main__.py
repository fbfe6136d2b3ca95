"""`python -m bench.cluster [--minutes 3] [--replicas 2] [--workers 2] [--seed N] [--keep FOLDER]`.

Real API processes and workers on a real Postgres, an S3 server and a Qdrant double, each behind a
way that fails now and then; processes are killed besides. At the end everything that was
acknowledged must be there, once, and nothing else. The exit code is 1 when anything is not, and the
folder with logs stays; the seed repeats the same texts, choices and faults (not the same moments).
Linux only: it finds processes in /proc.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from bench.cluster.run import Plan, Report, run_cluster
from bench.health_probe import percentile
from corpus.quiet import set_offline_environment


def main() -> None:
    """Run, print the figures, and say by the exit code whether all is well."""
    parser = argparse.ArgumentParser(prog="python -m bench.cluster")
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--first", action="append", default=[], help="a fault to begin with")
    parser.add_argument("--keep", type=Path, help="an empty folder for data and logs, kept")
    chosen = parser.parse_args()
    set_offline_environment()
    folder = chosen.keep or Path(tempfile.mkdtemp(prefix="cluster-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"seed {chosen.seed}, logs in {folder}", flush=True)
    plan = Plan(
        folder=folder,
        seed=chosen.seed,
        duration_s=chosen.minutes * 60,
        replicas=chosen.replicas,
        workers=chosen.workers,
        clients=chosen.clients,
        first=chosen.first,
    )
    report = run_cluster(plan)
    print_report(report)
    if report.violations:
        print(f"NOT well: {len(report.violations)} violations; --seed {chosen.seed}, {folder}")
        sys.exit(1)
    if chosen.keep is None:
        shutil.rmtree(folder)
    print("all is well")


def print_report(report: Report) -> None:
    """The figures of a run, violations last."""
    faults = sum(len(times) for times in report.recoveries_s.values())
    print(f"{faults} times something failed in {report.storm_s:.0f} s, then well again after")
    for name, times in sorted(report.recoveries_s.items()):
        middle, worst = percentile(times, 0.5), max(times)
        print(f"  {name:24} {len(times):3} x   p50 {middle:5.1f} s   worst {worst:5.1f} s")
    print(f"quiet {report.quiet_s:.0f} s later; {report.failed_by_kills} sent again after failing")
    for what, count in sorted(report.counts.items()):
        print(f"  {what}: {count}")
    print(f"originals of interrupted uploads, removed after an hour: {report.strays}")
    stores = report.stores
    print(
        f"in the end: {stores.documents} documents, {stores.chunks} chunks in the registry, "
        f"{stores.nodes} points in the index, {stores.originals} originals"
    )
    for sentence in report.violations:
        print(f"VIOLATION {sentence}")


if __name__ == "__main__":
    main()
