"""What a worker has done, as Prometheus counts it."""

from __future__ import annotations

from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector

from corpus.reports import StageTimings
from ingestion.measures import Outcome
from ingestion.worker.retry import codes_of_failures

# From a note to a scanned book.
SECONDS = (0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
WITH_CODE: frozenset[Outcome] = frozenset({"failed", "retried"})
_MS = 1000


class IngestionMetrics:
    """`IngestionMeasures` in `registry`, with what the process uses."""

    def __init__(self, registry: CollectorRegistry) -> None:
        # Beside a server its figures are among the server's, which has a process of its own.
        ProcessCollector(namespace="lectern_worker", registry=registry)
        self._pages = Counter(
            "lectern_ingestion_pages_total", "Pages of versions that went live.", registry=registry
        )
        self._chunks = Counter(
            "lectern_ingestion_chunks_total",
            "Chunks of versions that went live, by whether they were embedded or had been before.",
            ["embedding"],
            registry=registry,
        )
        self._stage_s = Histogram(
            "lectern_ingestion_stage_duration_seconds",
            "What the stages of a version took that went live; waiting is the queue.",
            ["stage"],
            buckets=SECONDS,
            registry=registry,
        )
        self._attempts = Counter(
            "lectern_ingestion_attempts_total",
            "Tries at jobs that ended, by outcome and the error's code.",
            ["outcome", "code"],
            registry=registry,
        )
        # Prometheus sees no increase in what begins at 300: documents that fail for a reason that
        # was not there before would raise no alert.
        for outcome in get_args(Outcome):
            for code in codes_of_failures() if outcome in WITH_CODE else ("",):
                self._attempts.labels(outcome, code)

    def ingested(self, *, pages: int, chunks: int, reused: int, timings: StageTimings) -> None:
        """Count what went live, and how long its stages took."""
        self._pages.inc(pages)
        self._chunks.labels("new").inc(chunks - reused)
        self._chunks.labels("reused").inc(reused)
        for stage in ("waiting", "parsing", "chunking", "embedding", "indexing", "total"):
            self._stage_s.labels(stage).observe(getattr(timings, stage) / _MS)

    def attempted(self, outcome: Outcome, code: str = "") -> None:
        """Count a try."""
        self._attempts.labels(outcome, code).inc()
