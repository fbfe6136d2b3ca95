"""Work that is done again and again in the background."""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

AFTER_ERROR_S = 1.0

log = logging.getLogger("lectern.repeating")


@contextmanager
def repeating(
    work: Callable[[threading.Event], object],
    every_s: float,
    *,
    name: str,
    first_after_s: float = 0.0,
    grace_s: float | None = None,
) -> Iterator[None]:
    """Call `work` from a thread of that name while the block runs, `every_s` after it returned.

    It is given the event that ends the repeating: set at the end of the block, or by `work` itself.
    The block's end waits for a call that runs, at most `grace_s` (None: as long as it takes). An
    error that `work` raises is logged, and it is called again, a second later at the earliest.
    """
    ended = threading.Event()

    def repeat() -> None:
        wait_s = first_after_s
        while not ended.wait(wait_s):
            wait_s = every_s
            try:
                work(ended)
            except Exception:
                # The outermost loop of its thread: nobody else would ever begin it again.
                log.exception("%s failed unexpectedly, and is tried again", name)
                wait_s = max(every_s, AFTER_ERROR_S)

    # What it logs belongs to the work that began it (corpus/work.py).
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(repeat,), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(grace_s)
