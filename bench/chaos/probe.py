"""How quickly one kind of request is answered while a server is up, measured all the time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import httpx

from bench.health_probe import percentile

TIMEOUT_S = 60.0

Ask = Callable[[httpx.Client], httpx.Response]


class Probe:
    """`latencies_ms`: one figure per answer to a request that began while `up` was set.

    A request that a kill cut off has none.
    """

    def __init__(self, url: str, ask: Ask, every_s: float) -> None:
        self.latencies_ms: list[float] = []
        self._url = url
        self._ask = ask
        self._every_s = every_s

    def run(self, up: threading.Event, ended: threading.Event) -> None:
        """Ask until told to end."""
        with httpx.Client(base_url=self._url, timeout=TIMEOUT_S, trust_env=False) as http:
            while not ended.wait(self._every_s):
                if not up.is_set():
                    continue
                started_s = time.perf_counter()
                try:
                    answered = self._ask(http).is_success
                except httpx.TransportError:
                    continue
                if answered:
                    self.latencies_ms.append((time.perf_counter() - started_s) * 1000)

    def __str__(self) -> str:
        worst = max(self.latencies_ms, default=0.0)
        return (
            f"{len(self.latencies_ms)} answers, p50 {percentile(self.latencies_ms, 0.5):.1f} ms, "
            f"p99 {percentile(self.latencies_ms, 0.99):.1f} ms, worst {worst:.0f} ms"
        )
