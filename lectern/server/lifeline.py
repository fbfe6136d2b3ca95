"""Standard input as a child's lifeline: it ends with its parent, however the parent ends."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable


def follow_parent(
    *, on_end: Callable[[], None], grace_s: float, on_word: Callable[[], None] = lambda: None
) -> None:
    """Watch standard input from a thread: `on_word` when the parent writes, `on_end` at the end.

    A process that still runs `grace_s` seconds after the end is ended at once, with exit code 1.
    """

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            on_word()
        on_end()
        main = threading.main_thread()
        main.join(grace_s)
        if main.is_alive():
            os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()
