"""How much a caller may ask: requests a minute, counted here; questions a day, in the registry."""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from corpus.errors import QuotaExceeded, RateLimited
from corpus.registry.database.engine import Registry
from corpus.registry.keys import count_question
from service.callers import Caller, Limits

MAX_BUCKETS = 10_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at_s: float


class RateLimiter:
    """A bucket for each key, which holds a minute's requests and fills evenly.

    Each process has its own: behind a balancer, a key may do its limit on every replica.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, limits: Limits | None) -> dict[str, str]:
        """Take one request out; the headers that tell what is left. Raises `RateLimited`."""
        if limits is None or limits.requests_per_minute is None:
            return {}
        most, per_s = limits.requests_per_minute, limits.requests_per_minute / 60
        bucket = self._filled(limits.key_id, most, per_s)
        if bucket.tokens < 1:
            wait_s = math.ceil((1 - bucket.tokens) / per_s)
            raise RateLimited(f"This key may send {most} requests a minute.", retry_after_s=wait_s)
        bucket.tokens -= 1
        return {
            "RateLimit-Limit": str(most),
            "RateLimit-Remaining": str(int(bucket.tokens)),
            "RateLimit-Reset": str(math.ceil((most - bucket.tokens) / per_s)),
        }

    def _filled(self, key_id: str, most: int, per_s: float) -> _Bucket:
        now_s = self._clock()
        bucket = self._buckets.get(key_id)
        if bucket is None:
            bucket = self._buckets[key_id] = _Bucket(most, now_s)
            if len(self._buckets) > MAX_BUCKETS:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key_id)
        bucket.tokens = min(most, bucket.tokens + (now_s - bucket.at_s) * per_s)
        bucket.at_s = now_s
        return bucket


async def note_asked(registry: Registry, caller: Caller) -> None:
    """Count a question of the caller's; raises `QuotaExceeded`."""
    limits = caller.limits
    if limits is None or limits.questions_per_day is None:
        return
    most = limits.questions_per_day
    if not await asyncio.to_thread(_counted, registry, limits.key_id, most):
        raise QuotaExceeded(
            f"This key may ask {most} questions a day.", retry_after_s=_seconds_of_today()
        )


def _counted(registry: Registry, key_id: str, most: int) -> bool:
    with registry.write() as connection:
        return count_question(connection, key_id, most)


def _seconds_of_today() -> int:
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return math.ceil((midnight - now).total_seconds())
