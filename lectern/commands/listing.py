"""`lectern list`: one line for each document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lectern.plain import plain

_HEADINGS = ("ID", "STATUS", "PAGES", "CHUNKS", "COLLECTION", "FILE")
_FIELDS = ("pages", "chunks", "collection")


def listing(documents: Iterable[dict[str, Any]]) -> Iterator[str]:
    """A line of headings, then one for each document.

    Nothing is cut to the width of the terminal: other commands take the ids. The names of files,
    which may be long, come last; that of an attachment follows that of its mail, if it is listed.
    """
    every = list(documents)
    by_id = {document["id"]: document for document in every}
    rows: list[tuple[str, ...]] = [_HEADINGS]
    rows += [_row(document, _full_name(document, by_id)) for document in every]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _row(document: dict[str, Any], name: str) -> tuple[str, ...]:
    fields = (plain(str(document[field])) for field in _FIELDS)
    return (document["id"], _status(document), *fields, plain(name))


def _status(document: dict[str, Any]) -> str:
    """The status, and what is wrong where something is."""
    if document["error"]:
        return f"{document['status']}: {document['error']['code']}"
    waiting = document["waiting"]
    if waiting and waiting["reason"] != "turn":
        return f"{document['status']}: {waiting['reason']}"
    return str(document["status"])


def _full_name(document: dict[str, Any], by_id: Mapping[str, dict[str, Any]]) -> str:
    name: str = document["filename"]
    parent = by_id.get(document.get("parent_id") or "")
    return name if parent is None else f"{_full_name(parent, by_id)} → {name}"
