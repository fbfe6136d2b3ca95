"""How far `lectern add` is, on a terminal: one bar for all, and one for each document at work."""

from __future__ import annotations

from collections.abc import Collection
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from corpus.values import Status
from lectern.plain import plain

MAX_SHOWN = 6
MIB = 1 << 20


class ProgressBars:
    """Inside a `with`; nothing is shown when the console is no terminal."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.fields[name]}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[said]}", markup=False),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._all = self._progress.add_task("", total=None, name="all files", said="")
        self._shown: dict[str, TaskID] = {}
        self._files = self._files_total = self._bytes_total = self._bytes = 0

    def expect(self, files: int, size_bytes: int) -> None:
        """There are so many files in all."""
        self._files_total, self._bytes_total = files, size_bytes
        self._show_all()

    def bytes_done(self, size_bytes: int) -> None:
        """So many bytes in all were sent, or need not be. Approximate where one is sent again."""
        self._bytes = min(size_bytes, self._bytes_total)

    def file_done(self) -> None:
        """One more file has its outcome."""
        self._files += 1
        self._show_all()

    def show(self, documents: Collection[dict[str, Any]]) -> None:
        """Show how far these are, the first of them when they are many, and no others."""
        shown = list(documents)[:MAX_SHOWN]
        ids = {document["id"] for document in shown}
        for document_id in set(self._shown) - ids:
            self._progress.remove_task(self._shown.pop(document_id))
        for document in shown:
            self._show_one(document)
        self._show_all()

    def _show_all(self) -> None:
        said = (
            f"{self._files:,}/{self._files_total:,} files, "
            f"{self._bytes / MIB:,.0f}/{self._bytes_total / MIB:,.0f} MiB sent"
        )
        total = self._files_total or None
        self._progress.update(self._all, completed=self._files, total=total, said=said)

    def _show_one(self, document: dict[str, Any]) -> None:
        if document["id"] not in self._shown:
            name = plain(document["filename"])
            self._shown[document["id"]] = self._progress.add_task("", name=name, said="")
        progress = document["progress"]
        done, total = progress["done"], progress["total"]
        self._progress.update(
            self._shown[document["id"]], completed=done, total=total or 1, said=_said(document)
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()


def _said(document: dict[str, Any]) -> str:
    """Stage, units done, and the time left where the server knows it."""
    progress = document["progress"]
    unit = "pages" if document["status"] == Status.PARSING else "chunks"
    parts = [f"{document['status']:<10}"]
    if progress["total"]:
        parts.append(f"{progress['done']}/{progress['total']} {unit}")
    if progress.get("eta_s") is not None:
        parts.append(f"about {progress['eta_s']} s left")
    return " ".join(parts)
