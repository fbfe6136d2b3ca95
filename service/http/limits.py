"""How much a caller may ask: requests a minute, counted here; questions a day, in the registry."""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from corpus.errors import QuotaExceeded, RateLimited
from corpus.registry.database.engine import Registry
from corpus.registry.keys import count_question
from service.callers import Caller, Limits

MAX_BUCKETS = 10_000
MINUTE_S = 60
DAY_S = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Allowance:
    """Of `most` requests or questions within `window_s`, so many are `left`.

    `reset_s`: until all are there again; where none is left, until one is.
    """

    name: str
    most: int
    window_s: int
    left: int
    reset_s: int


def headers_of(allowances: Sequence[Allowance]) -> dict[str, str]:
    """What tells a client of them, as in draft-ietf-httpapi-ratelimit-headers."""
    if not allowances:
        return {}
    policies = (f'"{one.name}";q={one.most};w={one.window_s}' for one in allowances)
    left = (f'"{one.name}";r={one.left};t={one.reset_s}' for one in allowances)
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(left)}


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at_s: float


class RateLimiter:
    """A bucket for each caller with a limit, which holds a minute's requests and fills evenly.

    Each process has its own: behind a balancer, a caller may do its limit on every replica.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, limits: Limits | None, allowances: list[Allowance]) -> None:
        """Take one request out, and add what is left. Raises `RateLimited`, with that added too."""
        if limits is None or limits.requests_per_minute is None:
            return
        most, per_s = limits.requests_per_minute, limits.requests_per_minute / MINUTE_S
        bucket = self._filled(limits.counted_as, most, per_s)
        is_refused = bucket.tokens < 1
        if not is_refused:
            bucket.tokens -= 1
        wanted = most if bucket.tokens >= 1 else 1
        reset_s = math.ceil((wanted - bucket.tokens) / per_s)
        allowances.append(Allowance("requests", most, MINUTE_S, int(bucket.tokens), reset_s))
        if is_refused:
            raise RateLimited(f"No more than {most} requests a minute.", retry_after_s=reset_s)

    def _filled(self, counted_as: str, most: int, per_s: float) -> _Bucket:
        now_s = self._clock()
        bucket = self._buckets.get(counted_as)
        if bucket is None:
            bucket = self._buckets[counted_as] = _Bucket(most, now_s)
            if len(self._buckets) > MAX_BUCKETS:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(counted_as)
        bucket.tokens = min(most, bucket.tokens + (now_s - bucket.at_s) * per_s)
        bucket.at_s = now_s
        return bucket


async def note_asked(registry: Registry, caller: Caller, allowances: list[Allowance]) -> None:
    """Count a question of the caller's, and add what is left. Raises `QuotaExceeded` likewise."""
    limits = caller.limits
    if limits is None or limits.questions_per_day is None:
        return
    most = limits.questions_per_day
    left = await asyncio.to_thread(_counted, registry, limits.counted_as, most)
    reset_s = _seconds_of_today()
    allowances.append(Allowance("questions", most, DAY_S, left or 0, reset_s))
    if left is None:
        raise QuotaExceeded(f"No more than {most} questions a day.", retry_after_s=reset_s)


def _counted(registry: Registry, counted_as: str, most: int) -> int | None:
    with registry.write() as connection:
        return count_question(connection, counted_as, most)


def _seconds_of_today() -> int:
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return math.ceil((midnight - now).total_seconds())
