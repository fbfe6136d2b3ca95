"""What traces are made of; `UNTRACED` where nobody collects them, which is the default."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Tracing(Protocol):
    """Spans of the trace that the context belongs to; usable from any thread and task.

    Names are few and fixed. Nothing that people wrote goes into a span: no question, no text.
    """

    def span(self, name: str) -> AbstractContextManager[object]:
        """A step, which what happens in the block is part of; an error marks it."""
        ...

    def begin(self, name: str) -> Callable[[], None]:
        """A step that is read piece by piece, as a generator is; call what is given at its end."""
        ...

    def job(self, name: str, traceparent: str | None) -> AbstractContextManager[object]:
        """A step that goes on with the trace of another process; for None, with a new one."""
        ...

    def traceparent(self) -> str | None:
        """The step at hand for another process, as W3C's header has it; None without one."""
        ...


class Untraced:
    """Keeps nothing."""

    def span(self, name: str) -> AbstractContextManager[object]:  # noqa: ARG002
        """Nothing."""
        return nullcontext()

    def begin(self, name: str) -> Callable[[], None]:  # noqa: ARG002
        """Nothing."""
        return _nothing

    def job(self, name: str, traceparent: str | None) -> AbstractContextManager[object]:  # noqa: ARG002
        """Nothing."""
        return nullcontext()

    def traceparent(self) -> str | None:
        """None."""
        return None


def _nothing() -> None:
    pass


UNTRACED = Untraced()
