"""`lectern ask`: print the answer as it comes, then its sources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console

from lectern.client import ServerError
from lectern.plain import plain


def print_answer(events: Iterator[tuple[str, dict[str, Any]]], console: Console) -> None:
    """Print the events of one answer; `ServerError` when the answer broke off."""
    for name, data in events:
        if name == "token":
            text = plain(data["text"])
            console.print(text, end="", markup=False, highlight=False, soft_wrap=True)
        elif name == "error":
            console.print()
            raise ServerError(data["error"], data["detail"], data["hint"])
        elif name == "done":
            console.print()
            _print_sources(data, console)


def _print_sources(answer: dict[str, Any], console: Console) -> None:
    for citation in answer["citations"]:
        _print_source(f"[{citation['id']}] ", citation, console)
    for sentence in answer.get("unsupported", []):  # older servers have none, nor the nearest
        _print_line(f"\nNo source says: “{sentence['text']}”", console, style="yellow")
    nearest = answer.get("nearest", [])
    if nearest:
        _print_line("\nThe nearest passages:", console)
    for citation in nearest:
        _print_source("", citation, console)
    for reason in answer["degraded"]:
        _print_line(f"\n({reason})", console, style="yellow")


def _print_source(number: str, citation: dict[str, Any], console: Console) -> None:
    source = f"\n{number}{citation['filename']}, page {citation['page']}"
    _print_line(source, console, style="bold")
    quote = " ".join(citation["quote"].split())
    _print_line(f"    “{quote}”", console)


def _print_line(text: str, console: Console, style: str | None = None) -> None:
    console.print(
        plain(text),
        style=style,
        markup=False,
        highlight=False,
        soft_wrap=not console.is_terminal,  # a file has no width
    )
