"""`python -m bench.quality [--folder DIR]`: the table of what answers are to reach.

Ingests the development data (in LECTERN_DATA; six minutes on two cores),
asks its questions through the HTTP interface, and asks them again with the documents that answer
them left out. With --folder the ingested data is kept, and used the next time.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.development_data import development_data
from bench.quality.data_sets import FILINGS, DataSet, data_sets
from bench.quality.halves import judged_halves
from bench.quality.ingesting import ingest
from bench.quality.targets import LEFT_OUT, TARGETS, Row
from corpus.quiet import set_offline_environment
from corpus.settings import Settings
from lectern.client import Client
from lectern.connect import connected
from lectern.evaluation.asking import Asked, Asker
from lectern.evaluation.scoring import NOT_IN_DOCUMENTS, Judged, figures_of, judge
from lectern.server.wiring import ELSEWHERE, service_parts
from service.answering.evidence import ENOUGH


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="keep the ingested data here")
    wanted = parser.parse_args()
    set_offline_environment()
    data = data_sets(development_data())
    with _folder(wanted.folder) as folder:
        settings = Settings(data_dir=folder)
        with connected(settings, None) as client:
            for one in data:
                ingest(client, one)
            asked = {one.collection: _asked(client, one) for one in data}
            rows = [
                row
                for one in data
                for row in _rows(one, asked[one.collection], _answered_without(client, one))
            ]
        with service_parts(settings, ELSEWHERE) as parts:
            for one in data:
                halves = judged_halves(parts, one, asked[one.collection])
                rows += _half_rows(one, halves)
    _print(rows)


def _asked(client: Client, data: DataSet) -> list[Asked]:
    return Asker(client, data.collection).ask(data.questions, lambda _done: None)


def _answered_without(client: Client, data: DataSet) -> float:
    """The share of questions that are answered although the documents that do are left out."""
    states = [
        client.answer(golden.question, data.collection, data.left_out(golden), keep=False)["state"]
        for golden in data.questions
    ]
    answered = [state for state in states if state != NOT_IN_DOCUMENTS]
    return len(answered) / len(states)


def _rows(data: DataSet, asked: Sequence[Asked], answered_without: float) -> Iterator[Row]:
    figures = figures_of([judge(one) for one in asked])
    values = {figure.name: figure.value for figure in figures if figure.count}
    values[LEFT_OUT] = answered_without
    for name, value in values.items():
        yield Row(data.collection, name, value, TARGETS.get((data.collection, name)))


def _half_rows(data: DataSet, halves: Mapping[str, Sequence[Judged]]) -> Iterator[Row]:
    for depth in (5, 10) if data.collection == FILINGS else (1, 5):
        name = f"recall@{depth}"
        share = {
            mode: next(figure.value for figure in figures_of(judged) if figure.name == name) or 0.0
            for mode, judged in halves.items()
        }
        better = max(share["dense"], share["sparse"])
        shown = f"hybrid alone, {name} (dense {share['dense']:.3f}, sparse {share['sparse']:.3f})"
        yield Row(data.collection, shown, share["hybrid"], (">=", better - 0.005))


def _print(rows: Sequence[Row]) -> None:
    table = Table(title=f"threshold of evidence: {ENOUGH}")
    for heading in ("data", "measure", "figure", "target", ""):
        table.add_column(heading)
    for row in rows:
        table.add_row(*row.shown())
    Console(width=140).print(table)


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        yield kept
        return
    with tempfile.TemporaryDirectory() as scratch:
        yield Path(scratch) / "data"


if __name__ == "__main__":
    main()
