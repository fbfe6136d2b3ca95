"""Small files of several kinds, a few sentences each."""

from __future__ import annotations

import random
from pathlib import Path

from bench.generated.pdf import text_pdf

LINES = 4

_WORDS = (
    *("harbour", "lighthouse", "keeper", "ferry", "coracle", "anchor", "tide", "storm", "lantern"),
    *("foghorn", "island", "cliff", "rope", "barrel", "chart", "compass", "mast", "sail", "crew"),
    *("cargo", "dock", "pilot", "current", "reef", "buoy", "signal"),
)


def write_small_files(folder: Path, count: int) -> None:
    """So many files in a new folder: md, txt, csv, html and pdf in turn, no two of them alike."""
    folder.mkdir()
    chosen = random.Random(1)
    for number in range(count):
        sentences = [
            f"Report {number}, line {line}: the {' '.join(chosen.choices(_WORDS, k=9))}."
            for line in range(LINES)
        ]
        extension, write = _KINDS[number % len(_KINDS)]
        (folder / f"{number:05}.{extension}").write_bytes(write(sentences))


def _markdown(sentences: list[str]) -> bytes:
    return "\n\n".join(["# A report", *sentences]).encode()


def _text(sentences: list[str]) -> bytes:
    return "\n".join(sentences).encode()


def _table(sentences: list[str]) -> bytes:
    rows = [f'{line},"{sentence}"' for line, sentence in enumerate(sentences)]
    return "\n".join(["line,sentence", *rows]).encode()


def _page(sentences: list[str]) -> bytes:
    body = "".join(f"<p>{sentence}</p>" for sentence in sentences)
    return f"<html><body><h1>A report</h1>{body}</body></html>".encode()


def _pdf(sentences: list[str]) -> bytes:
    return text_pdf([sentences])


_KINDS = (("md", _markdown), ("txt", _text), ("csv", _table), ("html", _page), ("pdf", _pdf))
