"""What is to be reached, by data set and measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Target = tuple[Literal[">=", "<="], float]

LEFT_OUT = "wrongly answered, documents left out"
TARGETS: dict[tuple[str, str], Target] = {
    ("filings", "recall@5"): (">=", 0.75),
    ("filings", "recall@10"): (">=", 0.85),
    ("wiki-en", "recall@1"): (">=", 0.97),
    ("wiki-en", "recall@5"): (">=", 0.998),
    ("wiki-en", "answer contains the gold answer"): (">=", 0.90),
    ("wiki-en", "wrongly withheld"): ("<=", 0.05),
    ("wiki-en", LEFT_OUT): ("<=", 0.10),
    ("wiki-de", "recall@5"): (">=", 0.97),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A figure (a share, or milliseconds), and what it is to be; None: nothing is asked of it."""

    collection: str
    name: str
    value: float | None
    target: Target | None

    def shown(self) -> tuple[str, str, str, str, str]:
        """The cells of its line."""
        if self.value is None:
            return self.collection, self.name, "-", "", ""
        figure = f"{self.value:.3f}" if self.value <= 1 else f"{self.value:.0f} ms"
        if self.target is None:
            return self.collection, self.name, figure, "", ""
        sign, bound = self.target
        is_met = self.value >= bound if sign == ">=" else self.value <= bound
        verdict = "reached" if is_met else "MISSED"
        return self.collection, self.name, figure, f"{sign} {bound:.3f}", verdict
