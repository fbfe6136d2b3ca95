"""How far a long command is: a line on a terminal for each thing that it counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from corpus.backup.telling import Tell


@contextmanager
def counted(console: Console) -> Iterator[Tell]:
    """Shows what it is told (what, how many so far); nothing when the console is no terminal."""
    columns = (SpinnerColumn(), TextColumn("{task.completed} {task.description}", markup=False))
    lines: dict[str, TaskID] = {}
    with Progress(
        *columns,
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:

        def tell(what: str, count: int) -> None:
            if what not in lines:
                lines[what] = progress.add_task(what, total=None)
            progress.update(lines[what], completed=count)

        yield tell
