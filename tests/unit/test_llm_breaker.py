from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.llm.breaker import CircuitBreaker


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(failures=3, open_s=30.0, now=clock)


def fail(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        breaker.failed()


def test_failures_in_a_row_open_it(breaker: CircuitBreaker) -> None:
    fail(breaker, 2)
    assert breaker.admits()
    breaker.succeeded()
    fail(breaker, 2)
    assert breaker.admits()
    fail(breaker, 1)
    assert breaker.is_open
    assert not breaker.admits()


def test_one_call_is_the_trial(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now_s += 30
    assert [breaker.admits() for _ in range(3)] == [True, False, False]
    breaker.succeeded()
    assert breaker.admits()
    assert breaker.admits()


def test_a_trial_that_fails_opens_it_again_at_once(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now_s += 30
    assert breaker.admits()
    breaker.failed()
    assert not breaker.admits()
    clock.now_s += 30
    assert breaker.admits()


def test_a_trial_that_nobody_waited_for_is_followed_by_another(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    fail(breaker, 3)
    clock.now_s += 30
    assert breaker.admits()
    clock.now_s += 30
    assert breaker.admits()


@given(st.lists(st.sampled_from(["ask", "succeed", "fail", "wait"])))
def test_it_is_never_open_for_longer_than_it_says(steps: list[str]) -> None:
    clock = Clock()
    breaker = CircuitBreaker(failures=3, open_s=30.0, now=clock)
    in_a_row = 0
    for step in steps:
        match step:
            case "ask":
                assert breaker.admits() or in_a_row >= 3
            case "succeed":
                breaker.succeeded()
                in_a_row = 0
            case "fail":
                breaker.failed()
                in_a_row += 1
            case _:
                clock.now_s += 10
    clock.now_s += 30
    assert breaker.admits()
