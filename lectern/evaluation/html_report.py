"""The report for people: one HTML file without scripts and without anything from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path

from lectern.evaluation.run import Run
from lectern.evaluation.scoring import NOT_IN_DOCUMENTS, Judged
from lectern.evaluation.table import remark, shown

REPORT = "report.html"
MISSES = 200  # rows at most: a report is to be read

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;width:100%;margin:1rem 0}
td,th{padding:.3rem .6rem;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.worse{color:#a40000;font-weight:600}
p.meta{color:#666}
"""
_BAR_WIDTH, _BAR_HEIGHT, _NAME_WIDTH = 420, 26, 260


def write_html(run: Run, folder: Path) -> Path:
    """Write the page; its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / REPORT
    path.write_text(_page(run), "utf-8")
    return path


def _page(run: Run) -> str:
    title = escape(f"{run.golden} on {run.collection}")
    said = f"{run.at:%Y-%m-%d %H:%M} UTC, {len(run.judged)} questions, answers by {run.model}"
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>{title}</title><style>{_STYLE}</style>"
        f'<h1>{title}</h1><p class="meta">{escape(said)}</p>'
        f"{_picture(run)}{_figures(run)}{_misses(run.judged)}</html>\n"
    )


def _picture(run: Run) -> str:
    """Shares as bars, a line where each was in the last run."""
    shares = [
        change
        for change in run.changes
        if change.figure.unit == "share" and change.figure.value is not None
    ]
    rows = []
    for i, change in enumerate(shares):
        top, value = i * _BAR_HEIGHT, change.figure.value or 0.0
        colour = "#a40000" if change.is_regression else "#2a6fb0"
        rows.append(
            f'<text x="0" y="{top + 18}" font-size="14">{escape(change.figure.name)}</text>'
            f'<rect x="{_NAME_WIDTH}" y="{top + 4}" width="{value * _BAR_WIDTH:.1f}" height="18" '
            f'fill="{colour}"/>'
            f'<text x="{_NAME_WIDTH + _BAR_WIDTH + 8}" y="{top + 18}" font-size="14">'
            f"{value:.3f}</text>"
        )
        if change.before is not None:
            x = _NAME_WIDTH + change.before * _BAR_WIDTH
            rows.append(
                f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top + 1}" y2="{top + 25}" stroke="#222" '
                'stroke-width="2"><title>last time</title></line>'
            )
    width, height = _NAME_WIDTH + _BAR_WIDTH + 60, max(1, len(shares)) * _BAR_HEIGHT
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="shares">{"".join(rows)}</svg>'
    )


def _figures(run: Run) -> str:
    rows = "".join(
        f"<tr><td>{escape(change.figure.name)}</td>"
        f'<td class="n">{shown(change.figure, change.figure.value)}</td>'
        f'<td class="n">{change.figure.count}</td>'
        f'<td class="n">{shown(change.figure, change.before)}</td>'
        f'<td class="worse">{escape(remark(change, run.tolerance))}</td></tr>'
        for change in run.changes
    )
    return f"<table><tr><th>measure<th>now<th>of<th>last time<th></tr>{rows}</table>"


def _misses(judged: Sequence[Judged]) -> str:
    missed = [(one, faults) for one in judged if (faults := _faults(one))]
    rows = "".join(
        f"<tr><td>{escape(one.question)}</td><td>{escape(', '.join(faults))}</td></tr>"
        for one, faults in missed[:MISSES]
    )
    more = f"<p>{len(missed) - MISSES} more are in report.json.</p>" if len(missed) > MISSES else ""
    return f"<h2>{len(missed)} questions with something amiss</h2><table>{rows}</table>{more}"


def _faults(one: Judged) -> list[str]:
    """What a reader would call wrong with it, in words; empty when nothing is."""
    withheld = one.state == NOT_IN_DOCUMENTS
    rank = one.ranks[0] if one.ranks else math.inf
    return [
        fault
        for fault, is_so in (
            ("answered, though the documents do not tell", not one.answerable and not withheld),
            ("withheld, though they do", one.answerable and withheld),
            ("right place not found", one.ranks is not None and rank == math.inf),
            (f"right place at {rank}", one.ranks is not None and 1 < rank < math.inf),
            ("gold answer not in the answer", one.contains_answer is False and not withheld),
            ("right place not cited", one.cites_right is False),
            ("a quote that is not on its page", not all(one.verbatim)),
        )
        if is_so
    ]
