"""The main functions of worker processes: beside a server, and of one's own."""

from __future__ import annotations

import os
import signal
import threading
from multiprocessing.connection import Connection

from prometheus_client import CollectorRegistry

from corpus.errors import Misconfigured
from corpus.settings import Settings
from lectern.server.lifeline import follow_parent
from lectern.server.metrics.exposition import new_registry
from lectern.server.metrics.served import served_metrics
from lectern.server.metrics.told import told_to_server
from lectern.server.tracing.open import traced
from lectern.server.wiring import opened_worker, warn_of_folder

NICENESS = 10  # questions come first: ingestion takes what they leave of the processor
# Without its server a worker can neither write nor report: it must not outlive it for long.
LAST_GRACE_S = 20.0
DRAIN_S = 5.0  # so long the job at hand may go on; then it is handed back


def run_embedded_worker(settings: Settings, index_fd: int, figures_fd: int) -> None:
    """Work until the server (embedded_worker.py) closes our standard input, or ends."""
    os.nice(NICENESS)
    signals = _Signals()
    signal.signal(signal.SIGTERM, lambda *_: signals.end())
    follow_parent(on_word=signals.wake.set, on_end=signals.end, grace_s=LAST_GRACE_S)
    figures = new_registry()
    with told_to_server(figures, Connection(figures_fd)):
        _work(settings, Connection(index_fd), signals, figures)


def run_worker(settings: Settings) -> None:
    """Work for a cluster until SIGTERM or SIGINT.

    Raises `Misconfigured` without a Postgres database and a Qdrant server: what is embedded in a
    server's data folder is that server's alone.
    """
    if not settings.stores_are_shared:
        raise Misconfigured(
            "A worker of its own needs DATABASE_URL and QDRANT_URL.",
            hint="Set both; with neither, `lectern serve` has a worker beside it already.",
        )
    warn_of_folder(settings)
    os.nice(NICENESS)
    signals = _Signals()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: signals.end())
    figures = new_registry()
    with served_metrics(figures, settings.worker_metrics_host, settings.worker_metrics_port):
        _work(settings, None, signals, figures)


class _Signals:
    """What the worker's loop looks at, and setting it."""

    def __init__(self) -> None:
        self.stop, self.drain, self.wake = threading.Event(), threading.Event(), threading.Event()

    def end(self) -> None:
        """Take no more jobs; a while later, hand back the one at hand."""
        self.drain.set()
        self.wake.set()
        hand_back = threading.Timer(DRAIN_S, self.stop.set)
        hand_back.daemon = True
        hand_back.start()


def _work(
    settings: Settings, index: Connection | None, signals: _Signals, figures: CollectorRegistry
) -> None:
    with (
        traced(settings, "lectern-worker") as traces,
        opened_worker(
            settings, index, signals.stop, signals.drain, signals.wake, figures, traces
        ) as worker,
    ):
        worker.run()
