from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.llm.failures import Failure, failure_of, retry_after_s
from service.llm.retry import LONGEST_PAUSE_S, pause_before_retry

NOW = datetime(2024, 2, 29, 12, 0, tzinfo=UTC)
AWAY = Failure("away", is_passing=True)
JITTER = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 1.5 ", 1.5),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        ("Thu, 29 Feb 2024 12:00:30 -0000", 30.0),
        ("Thu, 29 Feb 2024 13:00:30 +0100", 30.0),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("1e9", None),
        ("Thu, 32 Feb 2024 12:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_forms(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, NOW) == seconds


@given(st.text(max_size=60) | st.from_regex(r"\A[A-Z][a-z]{2}, [0-9]+ [A-Z][a-z]{2} [0-9]+.*\Z"))
def test_no_header_does_harm(header: str) -> None:
    seconds = retry_after_s(header, NOW)
    assert seconds is None or seconds >= 0


@given(
    jitter=JITTER,
    tries=st.integers(1, 50),
    retry_after=st.none() | st.floats(0, 1e6),
    left_s=st.floats(-10, 120),
)
def test_a_pause_stays_within_the_budget_and_is_as_long_as_asked_for(
    jitter: float, tries: int, retry_after: float | None, left_s: float
) -> None:
    failure = Failure("busy", is_passing=True, retry_after_s=retry_after)
    pause_s = pause_before_retry(
        failure, tries=tries, max_tries=tries + 1, left_s=left_s, jitter=jitter
    )
    least_s = retry_after or 0.0
    if pause_s is None:
        assert left_s <= least_s + LONGEST_PAUSE_S
    else:
        assert least_s <= pause_s < left_s
        assert pause_s <= least_s + LONGEST_PAUSE_S


def test_pauses_grow_up_to_a_bound() -> None:
    pauses_s = [
        pause_before_retry(AWAY, tries=tries, max_tries=9, left_s=60, jitter=0.5)
        for tries in range(1, 10)
    ]
    assert pauses_s == [0.25, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0, None]


def test_what_would_fail_again_is_final() -> None:
    refused = Failure("refused", is_passing=False)
    assert pause_before_retry(refused, tries=1, max_tries=9, left_s=60, jitter=0.5) is None


def failed(status: int, headers: dict[str, str] | None = None) -> httpx.HTTPStatusError:
    """As the clients raise it: with the status, and the response that it came with."""
    request = httpx.Request("POST", "http://llm.example")
    response = httpx.Response(status, headers=headers, request=request)
    error = httpx.HTTPStatusError("secret prompt", request=request, response=response)
    error.status_code = status  # type: ignore[attr-defined]
    return error


@given(st.integers(100, 599))
def test_servers_faults_pass_and_ours_do_not(status: int) -> None:
    failure = failure_of(failed(status), (), NOW)
    expected = status >= 500 or status in {200, 408, 409, 425, 429}
    assert failure == Failure(f"HTTPStatusError {status}", expected, None)


def test_the_header_is_found_where_the_client_left_it() -> None:
    error = RuntimeError("wrapped")
    error.__context__ = failed(429, {"Retry-After": "7"})
    for one in (failed(429, {"retry-after": "7"}), error):
        assert failure_of(one, (), NOW).retry_after_s == 7.0


def test_only_the_clients_own_errors_mean_that_nobody_answers() -> None:
    gone = httpx.ConnectError("gone")
    assert failure_of(gone, (httpx.TransportError,), NOW) == Failure("ConnectError", True)
    assert failure_of(gone, (), NOW) == Failure("ConnectError", False)
