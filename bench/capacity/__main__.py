"""`python -m bench.capacity --chunks 10000000 [--questions-per-s 5] [--pages-per-day 100000] ...`.

Prints what so much needs, and the figures that it is computed from (bench/capacity/figures.py).
"""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import get_args

from bench.capacity.figures import FIGURES, SOURCES
from bench.capacity.needs import Load, Needs, Quantization, needs_of

_GIB = 1 << 30


def main() -> None:
    """Print needs, walls and figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.capacity", description=__doc__)
    parser.add_argument("--chunks", type=int, required=True)
    parser.add_argument("--questions-per-s", type=float, default=1.0)
    parser.add_argument("--pages-per-day", type=float, default=0.0)
    parser.add_argument("--pages-per-document", type=float, default=30.0)
    parser.add_argument("--dimension", type=int, default=384)
    parser.add_argument("--quantization", choices=get_args(Quantization), default="none")
    parser.add_argument("--on-disk", action="store_true")
    parser.add_argument("--replication", type=int, default=1)
    parser.add_argument("--api-processes", type=int, default=2)
    load = Load(**vars(parser.parse_args()))
    for line in lines_of(needs_of(load)):
        print(line)
    print("made of")
    for field in fields(FIGURES):
        value = getattr(FIGURES, field.name)
        print(f"  {field.name:32} {value:>15,g}  {SOURCES[field.name]}")


def lines_of(needs: Needs) -> list[str]:
    """The needs for people."""
    rows = f"{needs.registry_rows:,.0f} rows, {needs.database_connections} connections"
    workers = f"{needs.worker_processes} workers"
    lines = [
        f"pages                 {needs.pages:,.0f} in {needs.documents:,.0f} documents",
        f"Qdrant, memory        {needs.index_memory_bytes / _GIB:,.1f} GiB",
        f"Qdrant, disk          {needs.index_disk_bytes / _GIB:,.1f} GiB",
        f"Postgres              {needs.registry_bytes / _GIB:,.1f} GiB, {rows}",
        f"ingestion             {needs.ingestion_cores:,.2f} cores, {workers}",
        f"questions             {needs.question_cores:,.2f} cores, without Qdrant's",
    ]
    return [*lines, *(f"wall: {wall}" for wall in needs.walls)]


if __name__ == "__main__":
    main()
