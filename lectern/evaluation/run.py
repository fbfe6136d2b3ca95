"""What one evaluation found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lectern.evaluation.comparing import Change
from lectern.evaluation.scoring import Judged


@dataclass(frozen=True, slots=True)
class Run:
    """The figures of one run beside those of the one before, and the marks of each question."""

    golden: str
    golden_sha256: str
    collection: str
    at: datetime
    model: str
    tolerance: float
    changes: Sequence[Change]
    judged: Sequence[Judged]

    @property
    def regressions(self) -> list[Change]:
        """The shares that are worse than they may be."""
        return [change for change in self.changes if change.is_regression]
