"""How often each of several messages may be written: Slack counts the calls of all together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

# What Slack lets an app call at least in a minute, in one workspace (tiers 4 and 3).
APPENDS_A_MINUTE = 100  # chat.appendStream
EDITS_A_MINUTE = 50  # chat.update


class Pace:
    """Knows how many messages are being written here; other replicas are not known."""

    def __init__(self) -> None:
        self._count = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """One more is being written."""
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1

    def every_s(self, at_least_s: float, calls_a_minute: int) -> float:
        """Seconds between two calls for one message, so that all stay within so many calls."""
        return max(at_least_s, self._count * 60.0 / calls_a_minute)
