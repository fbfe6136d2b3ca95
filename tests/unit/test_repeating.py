"""Work in the background is done again, whatever became of it the last time."""

from __future__ import annotations

import logging
import threading

import pytest

from corpus.repeating import repeating


def test_work_that_failed_is_logged_and_done_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "lectern.repeating")
    calls: list[int] = []
    again = threading.Event()

    def work(_ended: threading.Event) -> None:
        calls.append(len(calls))
        if len(calls) == 1:
            raise ZeroDivisionError("a bug of ours")
        again.set()

    with repeating(work, 0.01, name="counting"):
        assert again.wait(20)
    assert [one.message for one in caplog.records] == [
        "counting failed unexpectedly, and is tried again"
    ]
    assert "a bug of ours" in (caplog.text)
