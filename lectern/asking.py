"""`lectern ask`: print the answer as it comes, then its sources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console

from lectern.client import ServerError


def print_answer(events: Iterator[tuple[str, dict[str, Any]]], console: Console) -> None:
    """Print the events of one answer; `ServerError` when the answer broke off."""
    for name, data in events:
        if name == "token":
            console.print(data["text"], end="", markup=False, highlight=False, soft_wrap=True)
        elif name == "error":
            console.print()
            raise ServerError(data["error"], data["detail"], data["hint"])
        elif name == "done":
            console.print()
            _print_sources(data, console)


def _print_sources(answer: dict[str, Any], console: Console) -> None:
    for citation in answer["citations"]:
        quote = " ".join(citation["quote"].split())
        console.print(
            f"\n[{citation['id']}] {citation['filename']}, page {citation['page']}",
            markup=False,
            highlight=False,
            style="bold",
        )
        console.print(f"    “{quote}”", markup=False, highlight=False)
    for reason in answer["degraded"]:
        console.print(f"\n({reason})", markup=False, highlight=False, style="yellow")
