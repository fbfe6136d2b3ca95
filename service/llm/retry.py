"""Whether a failed call is tried again, and after what pause: a pure policy."""

from __future__ import annotations

from service.llm.failures import Failure

# Overloaded endpoints recover within seconds, and a person is waiting.
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 8.0


def pause_before_retry(
    failure: Failure, *, tries: int, max_tries: int, left_s: float, jitter: float
) -> float | None:
    """Seconds to wait before the next try; None when this failure is final.

    `tries` are behind us, `left_s` is what remains of the time budget: no pause reaches its end.
    `jitter` is a random number in [0, 1): "full jitter" (AWS Architecture Blog, 2015) spreads those
    who failed together most evenly. What the endpoint asks for (`Retry-After`) is waited in full,
    and the jitter comes on top.
    """
    if not failure.is_passing or tries >= max_tries:
        return None
    pause_s = jitter * min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (tries - 1))
    pause_s += failure.retry_after_s or 0.0
    return pause_s if pause_s < left_s else None
