"""What to do after a failure: a pure policy."""

from __future__ import annotations

from dataclasses import dataclass

from corpus.errors import (
    IndexRefused,
    IngestionTimeout,
    InvalidRequest,
    LecternError,
    ParserCrashed,
    Unavailable,
    UnreadableFile,
)
from corpus.values import ErrorReport

FIRST_DELAY_S = 1.0
LONGEST_DELAY_S = 60.0
JITTER_SHARE = 0.5  # of a delay: what failed together must not come back together

# A dependency that is down is not the document's fault: tried for about half a day.
MAX_OUTAGE_FAILURES = 720

# An index that refuses may refuse all documents, for a limit or a proxy that somebody has to mend,
# or this one for ever: tried for some hours (3.8 at least), and not each minute.
MAX_REFUSALS = 20
FIRST_REFUSAL_DELAY_S = 60.0
LONGEST_REFUSAL_DELAY_S = 1800.0

# What may have been the machine's state and not the file: a parser out of memory, a deadline.
SECOND_CHANCES = 2

# A worker that dies takes its job's claim with it. Killed servers count too, hence the room: a
# document is given up only when it was interrupted this often without one other outcome.
MAX_CLAIMS = 20
INTERRUPTED = "ingestion_interrupted"


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Queue the job again after `delay_s` seconds.

    Behind it are `failures`, of which for `outages` a dependency was away.
    """

    delay_s: float
    failures: int
    outages: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """End the version with this error."""

    error: ErrorReport


def after_failure(
    error: LecternError, *, failures: int, outages: int, max_attempts: int, jitter: float
) -> TryAgain | GiveUp:
    """`failures` before this one, and `outages` of them; `jitter` is a random number in [0, 1).

    The file's own fault is final, but for a crash or a deadline, which get a second chance. A
    dependency that is away is waited for, less and less often, for hours, and counted apart: the
    document is none the worse for it. So is an index that refuses what it is asked, still less
    often. Anything else is tried `max_attempts` times.
    """
    first_s, longest_s = FIRST_DELAY_S, LONGEST_DELAY_S
    is_outage = isinstance(error, Unavailable) and not isinstance(error, IndexRefused)
    before = outages if is_outage else failures - outages
    if is_outage:
        limit = MAX_OUTAGE_FAILURES
    elif isinstance(error, IndexRefused):
        limit = MAX_REFUSALS
        first_s, longest_s = FIRST_REFUSAL_DELAY_S, LONGEST_REFUSAL_DELAY_S
    elif isinstance(error, ParserCrashed | IngestionTimeout):
        limit = SECOND_CHANCES
    elif isinstance(error, UnreadableFile | InvalidRequest):
        limit = 0
    else:
        limit = max_attempts
    if before + 1 >= limit:
        return GiveUp(ErrorReport(error.code, error.detail, error.hint))
    delay_s = min(longest_s, first_s * 2 ** min(before, 10)) * (1 - JITTER_SHARE * jitter)
    return TryAgain(delay_s, failures + 1, outages + is_outage)


def reason_of(error: LecternError) -> str:
    """What is said of a failure while its document waits for the next try."""
    # An index that refuses is not back by itself.
    return f"{error.detail} {error.hint}" if isinstance(error, IndexRefused) else error.detail


def after_interruptions(claims: int) -> GiveUp | None:
    """`claims` including this one; an end for a job whose worker died with it every time."""
    if claims <= MAX_CLAIMS:
        return None
    return GiveUp(
        ErrorReport(
            INTERRUPTED,
            f"Ingestion of this document was interrupted {MAX_CLAIMS} times.",
            "Look at the server's log for what stopped the worker, then upload the file again.",
        )
    )


def codes_of_failures() -> frozenset[str]:
    """The codes that a try may end with: the file's fault, a dependency's or ours."""
    kinds: list[type[LecternError]] = [
        LecternError,
        *_all_of(UnreadableFile),
        *_all_of(Unavailable),
    ]
    return frozenset({kind.code for kind in kinds} | {INTERRUPTED})


def _all_of(kind: type[LecternError]) -> list[type[LecternError]]:
    return [kind, *(one for below in kind.__subclasses__() for one in _all_of(below))]
