"""How long each stage of one ingestion takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Literal

from corpus.reports import StageTimings
from corpus.tracing import UNTRACED, Tracing

Stage = Literal["parsing", "chunking", "embedding", "indexing"]

_MS = 1000


class Stopwatch:
    """Runs from its making; stages may be entered again and again, and then add up.

    `queued_since` is when the job was put into the queue, by the clock of whoever did that. Each
    time that a stage is entered is a span of `tracing`.
    """

    def __init__(self, queued_since: datetime | None, tracing: Tracing = UNTRACED) -> None:
        self._tracing = tracing
        waited_s = (datetime.now(UTC) - queued_since).total_seconds() if queued_since else 0.0
        self._waited_s = max(0.0, waited_s)  # another machine's clock may be ahead
        self._started_s = time.monotonic()
        self._spent_s: dict[Stage, float] = {}

    @contextmanager
    def stage(self, name: Stage) -> Iterator[None]:
        """Count the time inside the block for a stage."""
        began_s = time.monotonic()
        try:
            with self._tracing.span(name):
                yield
        finally:
            spent_s = time.monotonic() - began_s
            self._spent_s[name] = self._spent_s.get(name, 0.0) + spent_s

    def timings(self) -> StageTimings:
        """What was measured until now."""
        spent_ms = {name: round(spent_s * _MS) for name, spent_s in self._spent_s.items()}
        return StageTimings(
            waiting=round(self._waited_s * _MS),
            parsing=spent_ms.get("parsing", 0),
            chunking=spent_ms.get("chunking", 0),
            embedding=spent_ms.get("embedding", 0),
            indexing=spent_ms.get("indexing", 0),
            total=round((time.monotonic() - self._started_s) * _MS),
        )
