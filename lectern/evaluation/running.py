"""One evaluation from the golden set to the reports."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from corpus.errors import InvalidRequest
from lectern.client import Client
from lectern.evaluation.asking import Asker
from lectern.evaluation.comparing import compare
from lectern.evaluation.golden import read_golden
from lectern.evaluation.html_report import write_html
from lectern.evaluation.json_report import last_figures, write_json
from lectern.evaluation.run import Run
from lectern.evaluation.scoring import figures_of, judge
from lectern.evaluation.table import print_table

NAMED = 5  # documents that are missing


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What to measure, where the reports go, and how much worse a share may become."""

    golden: Path
    collection: str
    out: Path
    tolerance: float


def evaluate_golden(client: Client, wanted: Evaluation, console: Console) -> bool:
    """Ask all questions, print the figures and write both reports.

    False when a share is worse than in the last run on the same questions and collection, which
    then stays the one to compare with. Raises InvalidRequest for a golden set that cannot be
    judged, ServerError when the server refuses.
    """
    questions = read_golden(wanted.golden)
    asker = Asker(client, wanted.collection)
    missing = asker.missing_documents(questions)
    if missing:
        named = ", ".join(missing[:NAMED]) + (" ..." if len(missing) > NAMED else "")
        raise InvalidRequest(
            f"{len(missing)} documents of the golden set are not in {wanted.collection}: {named}",
            hint=f"lectern add FILE... --collection {wanted.collection}",
        )
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("asking", total=len(questions))
        asked = asker.ask(questions, lambda done: progress.update(task, completed=done))
    judged = [judge(one) for one in asked]
    golden_sha256 = hashlib.sha256(wanted.golden.read_bytes()).hexdigest()
    changes = compare(
        figures_of(judged),
        last_figures(wanted.out, golden_sha256, wanted.collection),
        wanted.tolerance,
    )
    run = Run(
        golden=wanted.golden.name,
        golden_sha256=golden_sha256,
        collection=wanted.collection,
        at=datetime.now(UTC),
        model=asked[-1].answer["model"],
        tolerance=wanted.tolerance,
        changes=changes,
        judged=judged,
    )
    print_table(run, console)
    for path in (write_json(run, wanted.out), write_html(run, wanted.out)):
        console.print(f"written: {path}", markup=False, highlight=False, soft_wrap=True)
    return not run.regressions
