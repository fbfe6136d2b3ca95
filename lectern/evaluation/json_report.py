"""The report for programs, and for the next run to compare with.

`report.json` is the last run. `baseline.json` is the last one without a regression: a figure that
fell stays reported until it is mended, or the file is removed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lectern.evaluation.run import Run

REPORT = "report.json"
BASELINE = "baseline.json"


def write_json(run: Run, folder: Path) -> Path:
    """Write the report, and the baseline if nothing is worse than it; the report's path."""
    folder.mkdir(parents=True, exist_ok=True)
    content = json.dumps(_body(run), indent=1, ensure_ascii=False) + "\n"
    names = [REPORT] if run.regressions else [REPORT, BASELINE]
    for name in names:
        unfinished = folder / f"{name}.part"
        unfinished.write_text(content, "utf-8")
        unfinished.replace(folder / name)
    return folder / REPORT


def last_figures(folder: Path, golden_sha256: str, collection: str) -> Mapping[str, float | None]:
    """The figures to compare with, by name; empty when the last run asked something else."""
    try:
        body = json.loads((folder / BASELINE).read_text("utf-8"))
        if (body["golden_sha256"], body["collection"]) != (golden_sha256, collection):
            return {}
        return {figure["name"]: figure["value"] for figure in body["figures"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # none, or not ours: there is nothing to compare with


def _body(run: Run) -> dict[str, Any]:
    return {
        "golden": run.golden,
        "golden_sha256": run.golden_sha256,
        "collection": run.collection,
        "at": run.at.isoformat(),
        "model": run.model,
        "tolerance": run.tolerance,
        "figures": [
            {
                **asdict(change.figure),
                "before": change.before,
                "regression": change.is_regression,
            }
            for change in run.changes
        ],
        "questions": [asdict(one) for one in run.judged],
    }
