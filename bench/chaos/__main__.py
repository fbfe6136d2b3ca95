"""`python -m bench.chaos [--minutes 5] [--kills 100] [--seed N] [--database-url URL]`.

A real server with its worker and parser; clients upload, replace, change, delete and ask; a killer
ends processes with `kill -9` at random moments. At the end everything that was acknowledged must
be there, complete, once, and nothing else. The exit code is 1 when anything is not; the seed
repeats the same texts and choices (not the same moments). The database must be an empty one.
Linux only: it finds the processes in /proc.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from bench.chaos.run import Plan, Report, run_chaos
from bench.health_probe import percentile
from corpus.quiet import set_offline_environment


def main() -> None:
    """Run, print the figures, and say by the exit code whether all is well."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--database-url", help="an empty Postgres database; default: SQLite")
    parser.add_argument("--keep", type=Path, help="an empty folder for the data, which is kept")
    chosen = parser.parse_args()
    set_offline_environment()
    settings = {"DATABASE_URL": chosen.database_url} if chosen.database_url else {}
    print(f"seed {chosen.seed}", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        plan = Plan(
            data_dir=(chosen.keep or Path(scratch)) / "data",
            seed=chosen.seed,
            kills=chosen.kills,
            duration_s=chosen.minutes * 60,
            clients=chosen.clients,
            settings=settings,
        )
        report = run_chaos(plan)
    print_report(report)
    if report.violations:
        print(f"NOT well: {len(report.violations)} violations, seed {chosen.seed}")
        sys.exit(1)
    print("all is well")


def print_report(report: Report) -> None:
    """The figures of a run, violations last."""
    kills = ", ".join(f"{count} x {victim}" for victim, count in sorted(report.kills.items()))
    print(f"{report.kills.total()} kills ({kills}) in {report.storm_s:.0f} s")
    print(f"quiet {report.quiet_s:.0f} s later; {report.failed_by_kills} sent again after failing")
    for what, count in sorted(report.counts.items()):
        print(f"  {what}: {count}")
    print(f"/healthz while up: {report.healthz}")
    print(f"/chat while up: {report.chat}")
    print(
        f"API restarts: p50 {percentile(report.restarts_s, 0.5):.1f} s, "
        f"worst {max(report.restarts_s, default=0.0):.1f} s"
    )
    print(f"left by the kills for the next start to mend: {len(report.left_by_kills)}")
    for sentence in report.left_by_kills[:10]:
        print(f"  {sentence}")
    stores = report.stores
    print(
        f"in the end: {stores.documents} documents, {stores.chunks} chunks in the registry, "
        f"{stores.nodes} nodes in the index, {stores.originals} originals"
    )
    for sentence in report.violations:
        print(f"VIOLATION {sentence}")


if __name__ == "__main__":
    main()
