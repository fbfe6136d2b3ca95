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
    LONGEST_REFUSAL_DELAY_S,
    MAX_CLAIMS,
    MAX_OUTAGE_FAILURES,
    MAX_REFUSALS,
    GiveUp,
    TryAgain,
    after_failure,
    after_interruptions,
    reason_of,
)


def decided(
    error: LecternError,
    *,
    failures: int = 0,
    outages: int = 0,
    max_attempts: int = 3,
    jitter: float = 0,
) -> TryAgain | GiveUp:
    return after_failure(
        error, failures=failures, outages=outages, max_attempts=max_attempts, jitter=jitter
    )


def waits(error: LecternError, *, outages: int = 0, jitter: float = 0) -> list[float]:
    """In seconds, until it is given up, after so many outages."""
    found: list[float] = []
    again = TryAgain(0.0, outages, outages)
    while isinstance(
        decision := decided(error, failures=again.failures, outages=again.outages, jitter=jitter),
        TryAgain,
    ):
        assert decision.failures == again.failures + 1
        again = decision
        found.append(again.delay_s)
    return found


@pytest.mark.parametrize("error", [BrokenFile("b"), NeedsOcr("n"), UnknownFileKind("u")])
def test_the_files_own_fault_is_final(error: LecternError) -> None:
    decision = decided(error)
    assert isinstance(decision, GiveUp)
    assert decision.error.code == error.code


@pytest.mark.parametrize("error", [ParserCrashed("killed"), IngestionTimeout("late")])
def test_a_crash_of_the_parser_and_a_deadline_are_tried_once_more(error: LecternError) -> None:
    assert decided(error, max_attempts=1) == TryAgain(1.0, 1, 0)
    assert isinstance(decided(error, failures=1, max_attempts=9), GiveUp)


@pytest.mark.parametrize("error", [IndexUnavailable("i"), IndexRefused("r")])
@given(st.integers(0, 18), st.floats(0, 1, exclude_max=True))
def test_jitter_only_shortens_a_delay_and_by_half_at_most(
    error: LecternError, failures: int, jitter: float
) -> None:
    longest = decided(error, failures=failures)
    jittered = decided(error, failures=failures, jitter=jitter)
    assert isinstance(longest, TryAgain)
    assert isinstance(jittered, TryAgain)
    assert longest.delay_s / 2 <= jittered.delay_s <= longest.delay_s


def test_what_waiting_does_not_help_is_tried_until_the_tries_are_used_up() -> None:
    assert waits(LecternError("bug")) == [1.0, 2.0]


@pytest.mark.parametrize("error", [IndexUnavailable("i"), EmbeddingUnavailable("e")])
def test_a_dependency_that_is_down_is_waited_for_over_hours(error: LecternError) -> None:
    waited_s = waits(error, jitter=0.99)
    assert min(waited_s) > 0
    assert max(waited_s) <= LONGEST_DELAY_S
    assert sum(waited_s) > 6 * 3600


def test_an_index_that_refuses_is_asked_for_hours_too_but_not_often() -> None:
    waited_s = waits(IndexRefused("400"), jitter=0.99)
    assert len(waited_s) < MAX_REFUSALS
    assert max(waited_s) <= LONGEST_REFUSAL_DELAY_S
    assert sum(waited_s) > 3 * 3600
    assert sorted(waited_s) == waited_s


@pytest.mark.parametrize("error", [LecternError("bug"), ParserCrashed("c"), IndexRefused("r")])
def test_outages_of_before_take_no_try_and_no_wait_of_a_document(error: LecternError) -> None:
    assert waits(error, outages=MAX_OUTAGE_FAILURES - 1) == waits(error)


def test_what_else_failed_takes_nothing_of_the_patience_with_an_outage() -> None:
    first = decided(IndexUnavailable("i"), failures=19)
    assert first == TryAgain(1.0, 20, 1)
    assert isinstance(
        decided(IndexUnavailable("i"), failures=900, outages=MAX_OUTAGE_FAILURES - 1), GiveUp
    )


def test_who_waits_for_an_index_that_refuses_reads_what_to_do() -> None:
    assert reason_of(IndexRefused("It said no.", hint="Ask for less.")) == (
        "It said no. Ask for less."
    )
    assert reason_of(IndexUnavailable("It is away.")) == "It is away."


def test_a_job_that_was_interrupted_again_and_again_ends() -> None:
    assert after_interruptions(MAX_CLAIMS) is None
    ended = after_interruptions(MAX_CLAIMS + 1)
    assert ended is not None
    assert ended.error.code == "ingestion_interrupted"
