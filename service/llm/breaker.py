"""A circuit breaker: an endpoint that fails again and again is left alone for a while."""

from __future__ import annotations

import time
from collections.abc import Callable

FAILURES = 5  # in a row; fewer may be one bad moment of a busy endpoint
OPEN_S = 30.0  # a restarted server is back about then, and a person asks again about then


class CircuitBreaker:
    """Open after `failures` calls in a row failed; then one call may try every `open_s` seconds.

    The first call that succeeds closes it. A trial that never reports back (its client left) holds
    nothing up: the next may go when its time has come. `now` is a monotonic clock, in seconds.
    """

    def __init__(
        self,
        *,
        failures: int = FAILURES,
        open_s: float = OPEN_S,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = failures
        self._open_s = open_s
        self._now = now
        self._failures = 0
        self._next_trial_s = 0.0

    @property
    def is_failing(self) -> bool:
        """Whether no call has succeeded since it opened, trials or not."""
        return self._failures >= self._limit

    @property
    def is_open(self) -> bool:
        """Whether a call would be refused now."""
        return self.is_failing and self._now() < self._next_trial_s

    def admits(self) -> bool:
        """Whether a call may go out; while the endpoint is failing, it is then the trial."""
        if self.is_open:
            return False
        self._next_trial_s = self._now() + self._open_s
        return True

    def succeeded(self) -> None:
        """Note that the endpoint answered."""
        self._failures = 0

    def failed(self) -> None:
        """Note that it did not."""
        self._failures += 1
        self._next_trial_s = self._now() + self._open_s
