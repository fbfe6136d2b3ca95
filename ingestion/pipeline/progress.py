"""Telling the registry how far a job is, and hearing from it whether to go on."""

from __future__ import annotations

import threading
import time

from corpus.registry.database.engine import Registry
from corpus.registry.leases import Lease
from corpus.registry.versions import report_progress
from corpus.values import Status
from ingestion.pipeline.pace import Pace

PROGRESS_EVERY_S = 0.5


class LostJobError(Exception):
    """The job is no longer this worker's, or its document is deleted: stop, change nothing."""


class StoppingError(Exception):
    """The worker was asked to stop: hand the job back as it is."""


class ProgressReporter:
    """Tells the registry about progress, not more often than `PROGRESS_EVERY_S` within a stage."""

    def __init__(self, registry: Registry, lease: Lease, pace: Pace, stop: threading.Event) -> None:
        self._registry = registry
        self._lease = lease
        self._pace = pace
        self._stop = stop
        self._said_at_s = 0.0
        self._stage = Status.QUEUED
        self._stage_began_s = time.monotonic()

    def stage_s(self) -> float:
        """Seconds since the stage began."""
        return time.monotonic() - self._stage_began_s

    def parsing(self, done: int, total: int, /) -> None:
        """`done` of `total` pages are read."""
        self._now_and_then(Status.PARSING, done, total)

    def embedding(self, done: int, total: int, /) -> None:
        """`done` of `total` chunks are embedded."""
        self._now_and_then(Status.EMBEDDING, done, total)

    def _now_and_then(self, status: Status, done: int, total: int) -> None:
        if time.monotonic() - self._said_at_s >= PROGRESS_EVERY_S:
            self.say(status, done, total)

    def say(self, status: Status, done: int, total: int) -> None:
        """Tell it now. Raises `LostJobError` or `StoppingError` when there is no going on."""
        self._said_at_s = time.monotonic()
        if status is not self._stage:
            self._stage, self._stage_began_s = status, self._said_at_s
        with self._registry.write() as connection:
            ours = report_progress(
                connection,
                self._lease,
                status,
                done=done,
                total=total,
                eta_s=self._pace.eta_s(status, done, total, self.stage_s()),
            )
        # In this order: a job that is lost has nothing to hand back, and nodes to take back.
        if not ours:
            raise LostJobError
        if self._stop.is_set():
            raise StoppingError
