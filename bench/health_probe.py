"""How quickly the service answers `/healthz` while it does something else."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import httpx

EVERY_S = 0.05


class HealthProbe:
    """Asks again and again inside a `with`; `latencies_ms` has one figure per answer."""

    def __init__(self, url: str) -> None:
        self.latencies_ms: list[float] = []
        self._http = httpx.Client(base_url=url, timeout=30.0, trust_env=False)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()
        self._http.close()

    def _ask(self) -> None:
        while not self._done.wait(EVERY_S):
            started_s = time.perf_counter()
            self._http.get("/healthz").raise_for_status()
            self.latencies_ms.append((time.perf_counter() - started_s) * 1000)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of the values do not exceed; 0.0 for no values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
