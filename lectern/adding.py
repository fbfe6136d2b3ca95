"""`lectern add`: upload files, then follow them until each is ready or has its error."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from corpus.values import FINAL_STATUSES, Status
from lectern.client import Client, ServerError
from lectern.plain import plain

LOOK_EVERY_S = 0.3
MAX_PAGES_NAMED = 10


@dataclass(frozen=True, slots=True)
class _Upload:
    """A file that was accepted; several files of the same bytes are one document."""

    name: str
    document_id: str
    task: TaskID


class _Outcomes:
    """Prints one outcome for each file, and keeps which files have none yet."""

    def __init__(self, console: Console, names: Sequence[str]) -> None:
        self._console = console
        self._open = list(names)
        self.all_good = True

    def failed(self, name: str, detail: str, hint: str = "") -> None:
        self.all_good = False
        self._say(name, f"✗ {name}: {detail} {hint}".rstrip())

    def final(self, name: str, document: dict[str, Any]) -> None:
        """The outcome that the document in its final state has for this file."""
        if document["status"] == Status.FAILED:
            error = document["error"]
            self.failed(name, error["detail"], error["hint"])
        else:
            self._say(name, _success(name, document))
        for warning in document.get("warnings", []):
            self._print(f"    {warning}")

    def unknown(self) -> None:
        """Name the files without an outcome."""
        for name in list(self._open):
            self.failed(name, "what became of it is not known.")

    def _say(self, name: str, line: str) -> None:
        self._open.remove(name)
        self._print(line)

    def _print(self, line: str) -> None:
        self._console.print(plain(line), markup=False, soft_wrap=True)


def add_files(client: Client, paths: Sequence[Path], collection: str, console: Console) -> bool:
    """Whether every file ended up ready (or partly so); the outcome of each is printed."""
    outcomes = _Outcomes(console, [path.name for path in paths])
    try:
        with _progress(console) as progress:
            waiting = _upload_all(client, paths, collection, progress, outcomes)
            while waiting:
                waiting = [
                    upload for upload in waiting if not _settled(client, upload, progress, outcomes)
                ]
                if waiting:
                    time.sleep(LOOK_EVERY_S)
    except httpx.TransportError:
        outcomes.unknown()
        raise
    return outcomes.all_good


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.fields[filename]}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[stage]:<10} {task.fields[count]}", markup=False),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _upload_all(
    client: Client,
    paths: Sequence[Path],
    collection: str,
    progress: Progress,
    outcomes: _Outcomes,
) -> list[_Upload]:
    uploads = []
    for path in paths:
        name = plain(path.name)
        task = progress.add_task("", total=1, filename=name, stage="uploading", count="")
        try:
            document = client.upload(path, collection)
        except ServerError as error:
            progress.remove_task(task)
            outcomes.failed(path.name, error.detail, error.hint)
        except OSError as error:
            progress.remove_task(task)
            outcomes.failed(path.name, f"cannot be read: {error.strerror}.")
        else:
            uploads.append(_Upload(path.name, document["id"], task))
    return uploads


def _settled(client: Client, upload: _Upload, progress: Progress, outcomes: _Outcomes) -> bool:
    """Whether nothing more will become of the file; its outcome is printed then."""
    try:
        document = client.document(upload.document_id)
    except ServerError as error:
        progress.remove_task(upload.task)
        outcomes.failed(upload.name, error.detail, error.hint)
        return True
    if document["status"] not in FINAL_STATUSES:
        _show(progress, upload.task, document)
        return False
    progress.remove_task(upload.task)
    outcomes.final(upload.name, document)
    return True


def _show(progress: Progress, task: TaskID, document: dict[str, Any]) -> None:
    done, total = document["progress"]["done"], document["progress"]["total"]
    unit = "pages" if document["status"] == Status.PARSING else "chunks"
    progress.update(
        task,
        completed=done,
        total=total or 1,
        stage=document["status"],
        count=f"{done}/{total} {unit}" if total else "",
    )


def _success(name: str, document: dict[str, Any]) -> str:
    pages, chunks = document["pages"], document["chunks"]
    line = f"✓ {name}: {pages} page{'s'[: pages != 1]}, {chunks} chunk{'s'[: chunks != 1]}"
    pictures = document["coverage"]["pages_needing_ocr"]
    if pictures:
        numbers = ", ".join(str(number) for number in pictures[:MAX_PAGES_NAMED])
        more = " ..." if len(pictures) > MAX_PAGES_NAMED else ""
        line += f"; without text (needs OCR): page {numbers}{more}"
    return line
