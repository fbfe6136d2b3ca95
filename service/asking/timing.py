"""How long things take."""

from __future__ import annotations

import time


def since_ms(started_s: float) -> float:
    """Milliseconds since a `time.perf_counter()`, to a tenth."""
    return round((time.perf_counter() - started_s) * 1000, 1)
