"""The main function of the worker process (lectern/embedded_worker.py starts it)."""

from __future__ import annotations

import os
import signal
import threading
from multiprocessing.connection import Connection

from corpus.settings import Settings
from lectern.lifeline import follow_parent
from lectern.wiring import embedded_worker

NICENESS = 10  # questions come first: ingestion takes what they leave of the processor
# Without its server a worker can neither write nor report: it must not outlive it for long.
LAST_GRACE_S = 20.0
DRAIN_S = 5.0  # so long the job at hand may go on; then it is handed back


def run_worker(settings: Settings, index_fd: int) -> None:
    """Work until the server closes our standard input, or ends."""
    os.nice(NICENESS)
    stop, drain, wake = threading.Event(), threading.Event(), threading.Event()

    def end() -> None:
        drain.set()
        wake.set()
        hand_back = threading.Timer(DRAIN_S, stop.set)
        hand_back.daemon = True
        hand_back.start()

    signal.signal(signal.SIGTERM, lambda *_: end())
    follow_parent(on_word=wake.set, on_end=end, grace_s=LAST_GRACE_S)
    with embedded_worker(settings, Connection(index_fd), stop, drain, wake) as worker:
        worker.run()
