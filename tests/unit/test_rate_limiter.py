from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import RateLimited
from service.callers import Limits
from service.http.limits import MAX_BUCKETS, Allowance, RateLimiter, headers_of

SIX = Limits("a", 6, None)


@dataclass
class Clock:
    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


def take(limiter: RateLimiter, limits: Limits | None) -> list[Allowance]:
    allowances: list[Allowance] = []
    limiter.take(limits, allowances)
    return allowances


def test_a_minutes_requests_may_come_at_once_and_no_more() -> None:
    limiter = RateLimiter(Clock())
    left = [(one.left, one.reset_s) for _ in range(6) for one in take(limiter, SIX)]
    assert left == [(5, 10), (4, 20), (3, 30), (2, 40), (1, 50), (0, 10)]
    allowances: list[Allowance] = []
    with pytest.raises(RateLimited) as caught:
        limiter.take(SIX, allowances)
    assert caught.value.retry_after_s == 10
    assert allowances == [Allowance("requests", 6, 60, 0, 10)]
    assert take(limiter, Limits("b", 6, None))[0].left == 5


def test_headers_are_the_drafts_structured_fields() -> None:
    requests = Allowance("requests", 6, 60, 5, 10)
    questions = Allowance("questions", 3, 86400, 0, 7)
    assert headers_of([]) == {}
    assert headers_of([requests, questions]) == {
        "RateLimit-Policy": '"requests";q=6;w=60, "questions";q=3;w=86400',
        "RateLimit": '"requests";r=5;t=10, "questions";r=0;t=7',
    }


def test_who_waits_as_long_as_told_is_served() -> None:
    clock = Clock()
    limiter = RateLimiter(clock)
    for _ in range(6):
        take(limiter, SIX)
    clock.now_s += 8.5
    with pytest.raises(RateLimited) as caught:
        take(limiter, SIX)
    assert caught.value.retry_after_s == 2
    clock.now_s += caught.value.retry_after_s
    take(limiter, SIX)


def test_without_a_limit_nothing_is_said() -> None:
    limiter = RateLimiter(Clock())
    assert take(limiter, None) == take(limiter, Limits("a", None, 5)) == []


def test_it_remembers_no_more_than_it_may() -> None:
    limiter = RateLimiter(Clock())
    for number in range(MAX_BUCKETS + 5):
        take(limiter, Limits(str(number), 6, None))
    assert len(limiter._buckets) == MAX_BUCKETS


@given(st.lists(st.floats(0, 30), min_size=1, max_size=200), st.integers(1, 120))
def test_no_more_than_the_bucket_and_what_ran_in_since_passes(
    waits_s: list[float], limit: int
) -> None:
    clock = Clock()
    limiter, passed = RateLimiter(clock), 0
    for wait_s in waits_s:
        clock.now_s += wait_s
        try:
            take(limiter, Limits("a", limit, None))
            passed += 1
        except RateLimited as refused:
            assert 1 <= refused.retry_after_s <= 60  # noqa: PT017
    assert passed <= limit + sum(waits_s[1:]) * limit / 60 + 1e-6
