from __future__ import annotations

import threading

import pytest

from corpus.errors import StorageUnavailable
from corpus.pinging import BoundedPing


def test_what_the_question_raises_is_raised() -> None:
    def fail() -> None:
        raise ZeroDivisionError("a bug of ours")

    with pytest.raises(ZeroDivisionError):
        BoundedPing(fail, name="It")()


def test_what_it_answers_comes_back() -> None:
    answers = iter([1, 2])
    ping = BoundedPing(lambda: next(answers), name="It")
    assert [ping(), ping()] == [1, 2]


def test_a_database_that_hangs_is_not_waited_for_and_not_asked_twice() -> None:
    answers = threading.Event()
    asked: list[int] = []

    def hang() -> None:
        asked.append(1)
        answers.wait(30)

    ping = BoundedPing(hang, name="It", limit_s=0.02)
    for _ in range(2):
        with pytest.raises(StorageUnavailable):
            ping()
    assert len(asked) == 1
    answers.set()
