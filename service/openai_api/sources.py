"""The list of sources below an answer, for clients that show only text. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from service.answering.citations import Citation

_HEADING = "\n\nSources:\n"
_LINE = re.compile(r"\[\d+\] (.+), page \d+")


def place(citation: Citation) -> str:
    """Where it stands, for a person."""
    return f"{citation.filename}, page {citation.page}"


def sources_list(citations: Sequence[Citation]) -> str:
    """What to append to the answer: a line for each citation; empty without any."""
    if not citations:
        return ""
    return _HEADING + "\n".join(f"[{one.id}] {place(one)}" for one in citations)


def read_sources(content: str) -> tuple[str, tuple[str, ...]]:
    """Undo `sources_list`: the answer, and the file names in the list, each once, in order."""
    # Clients may trim what they were sent, or end its lines otherwise.
    trimmed = content.replace("\r\n", "\n").rstrip()
    answer, heading, listed = trimmed.rpartition(_HEADING)
    lines = [_LINE.fullmatch(line) for line in listed.split("\n")]
    filenames = [line[1] for line in lines if line]
    if not heading or len(filenames) != len(lines):
        return content, ()
    return answer, tuple(dict.fromkeys(filenames))
