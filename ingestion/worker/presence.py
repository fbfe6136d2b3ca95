"""A worker says that it is alive, whatever it is busy with."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from corpus.errors import Unavailable
from corpus.registry.database.engine import Registry
from corpus.registry.workers import BEAT_S, beat, leave
from corpus.repeating import repeating

log = logging.getLogger("lectern.worker")


@contextmanager
def present(registry: Registry, worker: str) -> Iterator[None]:
    """Be known as alive in the registry while the block runs."""

    def say_so(_ended: threading.Event) -> None:
        try:
            with registry.write() as connection:
                beat(connection, worker)
        except Unavailable as error:
            log.warning("the registry does not hear the heartbeat: %s", error.detail)

    try:
        with repeating(say_so, BEAT_S, name="heartbeat"):
            yield
    finally:
        try:
            with registry.write() as connection:
                leave(connection, worker)
        except Unavailable as error:
            log.warning("the registry does not hear that the worker ends: %s", error.detail)
