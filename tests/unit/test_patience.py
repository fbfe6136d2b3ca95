from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import httpx
import pytest

from lectern.client import ServerError
from lectern.commands.patience import InterruptedWaitError, Patience

AWAY = httpx.ConnectError("away")


def refused(status: int) -> ServerError:
    return ServerError("code", "detail", "hint", status=status)


class NoTime(threading.Event):
    """Notes how long it was asked to wait, and does not."""

    def __init__(self) -> None:
        super().__init__()
        self.waits_s: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits_s.append(timeout or 0.0)
        return self.is_set()


def script(*outcomes: Exception | str) -> Callable[[], str]:
    left = list(outcomes)

    def ask() -> str:
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return ask


@pytest.mark.parametrize(
    "troubles", [[AWAY], [refused(503)], [refused(429)], [AWAY, refused(503), refused(429), AWAY]]
)
def test_not_now_is_asked_again(troubles: Sequence[Exception]) -> None:
    stop = NoTime()
    patience = Patience(stop)
    patience.call(script("met"))
    assert patience.call(script(*troubles, "answer")) == "answer"
    assert len(stop.waits_s) == len(troubles)


@pytest.mark.parametrize("status", [400, 404, 413, 422, 500])
def test_any_other_answer_is_final(status: int) -> None:
    stop = NoTime()
    with pytest.raises(ServerError):
        Patience(stop).call(script(refused(status)))
    assert stop.waits_s == []


def test_a_server_that_never_answered_is_not_waited_for() -> None:
    with pytest.raises(httpx.ConnectError):
        Patience(NoTime()).call(script(AWAY))


def test_an_outage_is_waited_for_once_for_all() -> None:
    patience = Patience(NoTime(), outage_limit_s=0.0)
    patience.call(script("met"))
    for trouble in (AWAY, refused(503)):
        with pytest.raises((httpx.TransportError, ServerError)):
            patience.call(script(trouble, "too late"))


def test_what_the_server_says_is_waited_and_pauses_grow_up_to_a_bound() -> None:
    stop = NoTime()
    patience = Patience(stop)
    full = ServerError("queue_full", "full", "", status=429, retry_after_s=5.0)
    patience.call(script(full, *[refused(429)] * 8, "answer"))
    assert stop.waits_s[0] == 5.0
    assert stop.waits_s == sorted(stop.waits_s)
    assert stop.waits_s[-1] == 10.0


def test_who_is_stopped_waits_no_more() -> None:
    stop = NoTime()
    stop.set()
    with pytest.raises(InterruptedWaitError):
        Patience(stop).call(script("answer"))


def test_the_address_is_looked_up_again_when_nobody_answers() -> None:
    looked: list[bool] = []
    patience = Patience(NoTime(), on_outage=lambda: looked.append(True))
    patience.call(script("met"))
    patience.call(script(AWAY, refused(503), "answer"))
    assert looked == [True]
