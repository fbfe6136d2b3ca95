"""What became of many files, summed up."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from bench.hostile.reader import Outcome

_SHOWN = 8
# Stable errors, and yet each is worth a look: the parser died, or never ended.
_NOTEWORTHY = frozenset({"parser_crashed", "parser_timeout"})


class Tally:
    """Counts outcomes; files that broke a rule, crashed or hung a parser are saved."""

    def __init__(self, saved: Path) -> None:
        self.codes: Counter[str] = Counter()
        self.violations: list[str] = []
        self.outcomes: list[Outcome] = []
        self._saved = saved

    def add(self, outcome: Outcome, content: bytes, seed: str = "") -> None:
        """Note an outcome; `seed` makes the same file again."""
        self.codes[outcome.code] += 1
        self.outcomes.append(outcome)
        said = f"{outcome.name} {seed}: {outcome.code} after {outcome.seconds:.1f} s"
        if outcome.violations or outcome.late or (seed and outcome.code in _NOTEWORTHY):
            self._saved.mkdir(parents=True, exist_ok=True)
            path = self._saved / f"{len(self.outcomes)}-{Path(outcome.name).name}"[-120:]
            path.write_bytes(content)
            print(f"  {said}, saved as {path.name}", flush=True)
        self.violations += [
            f"{said}: {sentence}" for sentence in (*outcome.violations, *outcome.late)
        ]

    def print(self) -> None:
        """The figures."""
        print(f"{len(self.outcomes)} files:")
        for code, count in self.codes.most_common():
            print(f"  {code}: {count}")
        slowest = sorted(self.outcomes, key=lambda one: -one.seconds)[:_SHOWN]
        print("slowest:", ", ".join(f"{one.name} {one.seconds:.1f} s" for one in slowest))
        largest = sorted(self.outcomes, key=lambda one: -one.peak_bytes)[:_SHOWN]
        print("largest:", ", ".join(f"{one.name} {one.peak_bytes >> 20} MiB" for one in largest))
        for sentence in self.violations:
            print(f"VIOLATION {sentence}")
