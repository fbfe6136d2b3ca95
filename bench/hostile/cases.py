"""The generated files, all of them. Each is made when it is asked for: some have 50 MB."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """A hostile file; `name` is what it was uploaded as, and says what is wrong with it.

    `heavy`: reading it takes long, or as much memory as a parser may have.
    """

    name: str
    make: Callable[[], bytes]
    heavy: bool = False


def all_cases() -> list[Case]:
    """Every generated file, in a fixed order; names are unique."""
    # Imported here: each family needs `Case` from this module.
    from bench.hostile import bombs, broken_pdfs, markup, nesting, plain_texts  # noqa: PLC0415

    return [
        *bombs.cases(),
        *markup.cases(),
        *broken_pdfs.cases(),
        *nesting.cases(),
        *plain_texts.cases(),
    ]
