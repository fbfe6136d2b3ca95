"""The figures in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from lectern.evaluation.comparing import Change
from lectern.evaluation.run import Run
from lectern.evaluation.scoring import Figure
from lectern.plain import plain


def print_table(run: Run, console: Console) -> None:
    """A line each: what, how much, of how many, and what it was before."""
    table = Table(title=plain(f"{run.golden} on {run.collection} ({run.model})"))
    table.add_column("measure")
    for heading in ("now", "of", "last time"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for change in run.changes:
        figure = change.figure
        table.add_row(
            figure.name,
            shown(figure, figure.value),
            str(figure.count),
            shown(figure, change.before),
            remark(change, run.tolerance),
        )
    console.print(table)


def shown(figure: Figure, value: float | None) -> str:
    """The value in its unit; a dash for none."""
    if value is None:
        return "-"
    return f"{value:.0f} ms" if figure.unit == "ms" else f"{value:.3f}"


def remark(change: Change, tolerance: float) -> str:
    """A word on a regression; empty otherwise."""
    return f"worse by more than {tolerance:g}" if change.is_regression else ""
