"""`lectern add`: upload files, then follow them until each is ready or has its error."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from lectern.client import Client, ServerError

LOOK_EVERY_S = 0.3
FINAL = {"ready", "partial", "failed"}


def add_files(client: Client, paths: Sequence[Path], collection: str, console: Console) -> bool:
    """Whether every file ended up ready (or partly so); the outcome of each is printed."""
    columns = (
        TextColumn("{task.fields[filename]}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[stage]:<10} {task.fields[count]}", markup=False),
        TimeElapsedColumn(),
    )
    outcomes: list[bool] = []
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        waiting: dict[str, TaskID] = {}
        for path in paths:
            task = progress.add_task("", total=1, filename=path.name, stage="uploading", count="")
            try:
                document = client.upload(path, collection)
            except ServerError as error:
                progress.remove_task(task)
                console.print(f"✗ {path.name}: {error.detail} {error.hint}", markup=False)
                outcomes.append(False)
                continue
            waiting[document["id"]] = task
        while waiting:
            for document_id, task in list(waiting.items()):
                document = client.document(document_id)
                _show(progress, task, document)
                if document["status"] in FINAL:
                    del waiting[document_id]
                    progress.remove_task(task)
                    outcomes.append(_report(document, console))
            if waiting:
                time.sleep(LOOK_EVERY_S)
    return all(outcomes)


def _show(progress: Progress, task: TaskID, document: dict[str, Any]) -> None:
    done, total = document["progress"]["done"], document["progress"]["total"]
    unit = "pages" if document["status"] == "parsing" else "chunks"
    progress.update(
        task,
        completed=done,
        total=total or 1,
        stage=document["status"],
        count=f"{done}/{total} {unit}" if total else "",
    )


def _report(document: dict[str, Any], console: Console) -> bool:
    name = document["filename"]
    if document["status"] == "failed":
        error = document["error"]
        console.print(f"✗ {name}: {error['detail']} {error['hint']}", markup=False)
        return False
    pages, chunks = document["pages"], document["chunks"]
    line = f"✓ {name}: {pages} page{'s'[: pages != 1]}, {chunks} chunk{'s'[: chunks != 1]}"
    pictures = document["coverage"]["pages_needing_ocr"]
    if pictures:
        numbers = ", ".join(str(number) for number in pictures[:10])
        line += f"; without text (needs OCR): page {numbers}{' ...' if len(pictures) > 10 else ''}"
    console.print(line, markup=False)
    return True
