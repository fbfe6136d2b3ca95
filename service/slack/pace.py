"""How often each of several messages may be written: Slack counts the calls of all together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

# What Slack lets an app call at least in a minute, in one workspace (tiers 4 and 3).
APPENDS_A_MINUTE = 100  # chat.appendStream
EDITS_A_MINUTE = 50  # chat.update


class Pace:
    """Knows who writes here by calls of one kind; other replicas are not known."""

    def __init__(self, calls_a_minute: int) -> None:
        self._calls_a_minute = calls_a_minute
        self._writers: set[object] = set()

    def begin(self, writer: object) -> None:
        """It has something to write, or will have."""
        self._writers.add(writer)

    def end(self, writer: object) -> bool:
        """It has nothing to write any more; whether it had."""
        had = writer in self._writers
        self._writers.discard(writer)
        return had

    def every_s(self, at_least_s: float) -> float:
        """Seconds between two calls of one writer, so that all stay within so many calls."""
        return max(at_least_s, len(self._writers) * 60.0 / self._calls_a_minute)


@dataclass(frozen=True, slots=True)
class Paces:
    """Of both ways to write a message."""

    appends: Pace = field(default_factory=lambda: Pace(APPENDS_A_MINUTE))
    edits: Pace = field(default_factory=lambda: Pace(EDITS_A_MINUTE))

    @contextmanager
    def writing(self, writer: object) -> Iterator[None]:
        """It writes by appending, unless it is told to `edit_instead`."""
        self.appends.begin(writer)
        try:
            yield
        finally:
            self.appends.end(writer)
            self.edits.end(writer)

    def edit_instead(self, writer: object) -> None:
        """From now on it edits, if it is writing at all."""
        if self.appends.end(writer):
            self.edits.begin(writer)
