"""Set the figures of a run beside those of the one before. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lectern.evaluation.scoring import Figure


@dataclass(frozen=True, slots=True)
class Change:
    """A figure, what it was in the last run (None: not measured then), and whether it is worse."""

    figure: Figure
    before: float | None
    is_regression: bool


def compare(
    figures: Sequence[Figure], before: Mapping[str, float | None], tolerance: float
) -> list[Change]:
    """One change a figure, in order.

    A share is a regression when it is worse by more than `tolerance` (0.02: two of a hundred
    questions); latencies never are: they are the machine's as much as the program's.
    """
    changes = []
    for figure in figures:
        old = before.get(figure.name)
        worse = 0.0
        if figure.unit == "share" and old is not None and figure.value is not None:
            worse = (figure.value - old) * (1 if figure.less_is_better else -1)
        # Rounding must not make a difference of exactly the tolerance one.
        changes.append(Change(figure, old, worse > tolerance + 1e-9))
    return changes
