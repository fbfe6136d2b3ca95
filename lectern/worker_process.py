"""The main function of the worker process (lectern/embedded_worker.py starts it)."""

from __future__ import annotations

import os
import signal
import sys
import threading
from multiprocessing.connection import Connection

from corpus.settings import Settings
from lectern.wiring import embedded_worker

NICENESS = 10  # questions come first: ingestion takes what they leave of the processor
LAST_GRACE_S = 20.0


def run_worker(settings: Settings, index_fd: int) -> None:
    """Work until the server closes our standard input, or ends."""
    os.nice(NICENESS)
    # The server decides when to stop: Ctrl-C in a terminal reaches all processes at once.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stop, wake = threading.Event(), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: _stop(stop, wake))
    threading.Thread(target=_follow_server, args=(stop, wake), name="server", daemon=True).start()
    with embedded_worker(settings, Connection(index_fd), stop, wake) as worker:
        worker.run()


def _follow_server(stop: threading.Event, wake: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 4096):
        wake.set()
    _stop(stop, wake)
    # Without its server a worker can neither write nor report: it must not outlive it for long.
    if not _main_ended(LAST_GRACE_S):
        os._exit(1)


def _stop(stop: threading.Event, wake: threading.Event) -> None:
    stop.set()
    wake.set()


def _main_ended(timeout_s: float) -> bool:
    main = threading.main_thread()
    main.join(timeout_s)
    return not main.is_alive()
