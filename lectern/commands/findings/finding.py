"""One line of what was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from corpus.errors import LecternError

Mark = Literal["ok", "note", "broken"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`mark` is "ok", "note" (look at it) or "broken"; `hint` is what to do, where there is."""

    mark: Mark
    name: str
    text: str
    hint: str = ""


def broken_by(name: str, error: LecternError) -> Finding:
    """What an error says."""
    return Finding("broken", name, error.detail, error.hint)
