from __future__ import annotations

import pytest

from corpus.errors import (
    BrokenFile,
    EmbeddingUnavailable,
    IndexUnavailable,
    LecternError,
    NeedsOcr,
    UnknownFileKind,
)
from ingestion.retry import (
    LONGEST_DELAY_S,
    MAX_CLAIMS,
    GiveUp,
    TryAgain,
    after_failure,
    after_interruptions,
)


@pytest.mark.parametrize("error", [BrokenFile("b"), NeedsOcr("n"), UnknownFileKind("u")])
def test_the_files_own_fault_is_final(error: LecternError) -> None:
    decision = after_failure(error, failures=0, max_attempts=3)
    assert isinstance(decision, GiveUp)
    assert decision.error.code == error.code


@pytest.mark.parametrize(
    "error", [IndexUnavailable("i"), EmbeddingUnavailable("e"), LecternError("bug")]
)
def test_anything_else_is_tried_again_later_and_later_until_the_tries_are_used_up(
    error: LecternError,
) -> None:
    decisions = [after_failure(error, failures=failures, max_attempts=3) for failures in range(3)]
    assert decisions[0] == TryAgain(1.0, 1)
    assert decisions[1] == TryAgain(2.0, 2)
    assert isinstance(decisions[2], GiveUp)


def test_the_delay_is_bounded() -> None:
    decision = after_failure(IndexUnavailable("i"), failures=50, max_attempts=100)
    assert decision == TryAgain(LONGEST_DELAY_S, 51)


def test_a_job_that_was_interrupted_again_and_again_ends() -> None:
    assert after_interruptions(MAX_CLAIMS) is None
    ended = after_interruptions(MAX_CLAIMS + 1)
    assert ended is not None
    assert ended.error.code == "ingestion_interrupted"
