"""What became of each file of `lectern add`, in a line each and a sum at the end."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rich.console import Console

from corpus.values import Status
from lectern.plain import plain

MAX_PAGES_NAMED = 10


class Outcomes:
    """Prints one outcome for each file as it comes; keeps nothing but their number."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._counts: Counter[str] = Counter()

    @property
    def all_good(self) -> bool:
        """Whether no file failed so far."""
        return not self._counts["failed"]

    def failed(self, name: str, detail: str, hint: str = "", code: str = "") -> None:
        """The file has no document that answers, and why."""
        self._counts["failed"] += 1
        shown_code = f"({code})" if code else ""
        said = " ".join(part for part in (detail, hint, shown_code) if part)
        self._print(f"✗ {name}: {said}")

    def final(self, name: str, document: dict[str, Any], *, was_there: bool = False) -> None:
        """The outcome that the document in its final state has for this file."""
        if document["status"] == Status.FAILED:
            error = document["error"]
            self.failed(name, error["detail"], error["hint"], error["code"])
        else:
            self._counts["already there" if was_there else document["status"]] += 1
            self._print(_success(name, document) + (" (already there)" if was_there else ""))
        for warning in document.get("warnings", []):
            self._print(f"    {warning}")

    def skipped(self) -> None:
        """A file of a folder is nothing to read: counted, not named."""
        self._counts["skipped (of no kind that is read)"] += 1

    def sum_up(self) -> None:
        """One line with the totals."""
        total = sum(self._counts.values())
        parts = [f"{count:,} {what}" for what, count in self._counts.items() if count]
        self._print(f"{total:,} file{'s'[: total != 1]}: {', '.join(parts) or 'nothing to add'}")

    def say(self, line: str) -> None:
        """Print a line that is no file's."""
        self._print(line)

    def _print(self, line: str) -> None:
        self._console.print(plain(line), markup=False, highlight=False, soft_wrap=True)


def _success(name: str, document: dict[str, Any]) -> str:
    pages, chunks = document["pages"], document["chunks"]
    line = f"✓ {name}: {pages} page{'s'[: pages != 1]}, {chunks} chunk{'s'[: chunks != 1]}"
    pictures = document["coverage"]["pages_needing_ocr"]
    if pictures:
        numbers = ", ".join(str(number) for number in pictures[:MAX_PAGES_NAMED])
        more = " ..." if len(pictures) > MAX_PAGES_NAMED else ""
        line += f"; without text (needs OCR): page {numbers}{more}"
    return line
