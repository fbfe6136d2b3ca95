"""A worker tells the server that it runs beside what it has done: one /metrics has both.

Its figures come by themselves every few seconds: nobody waits for a busy worker at a scrape.
"""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, suppress
from multiprocessing.connection import Connection

from prometheus_client import CollectorRegistry

from corpus.repeating import repeating
from lectern.server.metrics.exposition import text_of

TELL_EVERY_S = 2.0
GRACE_S = 1.0
MAX_BYTES = 1 << 20  # some 20 kB as it is


def told_to_server(figures: CollectorRegistry, server: Connection) -> AbstractContextManager[None]:
    """Tell the server while the block runs."""

    def tell(_ended: threading.Event) -> None:
        with suppress(OSError):  # it is gone, and we end soon
            server.send_bytes(text_of(figures))

    return repeating(tell, TELL_EVERY_S, name="figures", grace_s=GRACE_S)


class LastTold:
    """The server's end: what the worker of now, or else the last one, told last."""

    def __init__(self) -> None:
        self.text = b""

    def listen(self, worker: Connection) -> None:
        """Listen from a thread until the worker hangs up; closes the connection then."""
        threading.Thread(target=self._hear, args=(worker,), name="figures", daemon=True).start()

    def _hear(self, worker: Connection) -> None:
        with worker, suppress(EOFError, OSError):
            while True:
                self.text = worker.recv_bytes(MAX_BYTES)
