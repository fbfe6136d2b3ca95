"""What ingestion tells of its work, to whoever measures it (lectern/server/metrics/)."""

from __future__ import annotations

from typing import Literal, Protocol

from corpus.reports import StageTimings

# `handed_back`: the worker stopped, or the job was lost or its document deleted.
Outcome = Literal["live", "retried", "failed", "handed_back"]


class IngestionMeasures(Protocol):
    """Told from the worker's thread; must return at once and raise nothing."""

    def ingested(self, *, pages: int, chunks: int, reused: int, timings: StageTimings) -> None:
        """A version went live: its pages, its chunks, and how many of them kept an embedding."""
        ...

    def attempted(self, outcome: Outcome, code: str = "") -> None:
        """A try at a job ended; `code` is the error's, where there was one."""
        ...


class NotMeasured:
    """Whoever is told keeps nothing."""

    def ingested(self, *, pages: int, chunks: int, reused: int, timings: StageTimings) -> None:
        """Nothing."""

    def attempted(self, outcome: Outcome, code: str = "") -> None:
        """Nothing."""


NOT_MEASURED = NotMeasured()
