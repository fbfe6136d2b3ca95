from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import (
    BrokenFile,
    EmbeddingUnavailable,
    IndexRefused,
    IndexUnavailable,
    IngestionTimeout,
    LecternError,
    NeedsOcr,
    ParserCrashed,
    UnknownFileKind,
)
from ingestion.worker.retry import (
    LONGEST_DELAY_S,
    MAX_CLAIMS,
    GiveUp,
    TryAgain,
    after_failure,
    after_interruptions,
)


@pytest.mark.parametrize("error", [BrokenFile("b"), NeedsOcr("n"), UnknownFileKind("u")])
def test_the_files_own_fault_is_final(error: LecternError) -> None:
    decision = after_failure(error, failures=0, max_attempts=3, jitter=0)
    assert isinstance(decision, GiveUp)
    assert decision.error.code == error.code


def test_a_crash_of_the_parser_is_tried_once_more() -> None:
    crash = ParserCrashed("killed")
    assert after_failure(crash, failures=0, max_attempts=1, jitter=0) == TryAgain(1.0, 1)
    assert isinstance(after_failure(crash, failures=1, max_attempts=9, jitter=0), GiveUp)


def test_a_deadline_is_tried_once_more() -> None:
    late = IngestionTimeout("late")
    assert after_failure(late, failures=0, max_attempts=1, jitter=0) == TryAgain(1.0, 1)
    assert isinstance(after_failure(late, failures=1, max_attempts=9, jitter=0), GiveUp)


@given(st.integers(0, 700), st.floats(0, 1, exclude_max=True))
def test_jitter_only_shortens_a_delay_and_by_half_at_most(failures: int, jitter: float) -> None:
    error = IndexUnavailable("i")
    longest = after_failure(error, failures=failures, max_attempts=3, jitter=0)
    jittered = after_failure(error, failures=failures, max_attempts=3, jitter=jitter)
    assert isinstance(longest, TryAgain)
    assert isinstance(jittered, TryAgain)
    assert longest.delay_s / 2 <= jittered.delay_s <= longest.delay_s


@pytest.mark.parametrize("error", [LecternError("bug"), IndexRefused("400")])
def test_what_waiting_does_not_help_is_tried_until_the_tries_are_used_up(
    error: LecternError,
) -> None:
    decisions = [
        after_failure(error, failures=failures, max_attempts=3, jitter=0) for failures in range(3)
    ]
    assert decisions[0] == TryAgain(1.0, 1)
    assert decisions[1] == TryAgain(2.0, 2)
    assert isinstance(decisions[2], GiveUp)


@pytest.mark.parametrize("error", [IndexUnavailable("i"), EmbeddingUnavailable("e")])
def test_a_dependency_that_is_down_is_waited_for_over_hours(error: LecternError) -> None:
    waited_s = 0.0
    failures = 0
    while isinstance(
        decision := after_failure(error, failures=failures, max_attempts=3, jitter=0.99), TryAgain
    ):
        assert 0 < decision.delay_s <= LONGEST_DELAY_S
        assert decision.failures == failures + 1
        waited_s += decision.delay_s
        failures = decision.failures
    assert waited_s > 6 * 3600


def test_a_job_that_was_interrupted_again_and_again_ends() -> None:
    assert after_interruptions(MAX_CLAIMS) is None
    ended = after_interruptions(MAX_CLAIMS + 1)
    assert ended is not None
    assert ended.error.code == "ingestion_interrupted"
