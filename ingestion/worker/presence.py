"""A worker says that it is alive, whatever it is busy with."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from corpus.errors import Unavailable
from corpus.registry.database.engine import Registry
from corpus.registry.workers import BEAT_S, beat, leave

log = logging.getLogger("lectern.worker")


@contextmanager
def present(registry: Registry, worker: str) -> Iterator[None]:
    """Be known as alive in the registry while the block runs."""
    ended = threading.Event()

    def keep_saying_so() -> None:
        while True:
            try:
                with registry.write() as connection:
                    beat(connection, worker)
            except Unavailable as error:
                log.warning("the registry does not hear the heartbeat: %s", error.detail)
            if ended.wait(BEAT_S):
                return

    heart = threading.Thread(target=keep_saying_so, name="heartbeat", daemon=True)
    heart.start()
    try:
        yield
    finally:
        ended.set()
        heart.join()
        try:
            with registry.write() as connection:
                leave(connection, worker)
        except Unavailable as error:
            log.warning("the registry does not hear that the worker ends: %s", error.detail)
