"""What the work at hand is done for: a request, the trace that it is part of, a document's job.

It follows the work into tasks, and into threads that copy their context (`asyncio.to_thread`,
`corpus.repeating`); with a job it is stored, and so reaches the worker.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

MAX_ID_CHARS = 64


@dataclass(frozen=True, slots=True)
class Work:
    """None for what it is not done for.

    `request_id` is that of the request which began it, at most `MAX_ID_CHARS` long; `traceparent`
    the span that it goes on from, as W3C's header of that name has it.
    """

    request_id: str | None = None
    traceparent: str | None = None
    document_id: str | None = None
    job_id: str | None = None


_current: ContextVar[Work] = ContextVar("lectern_work", default=Work())  # noqa: B039 - it is frozen


def current_work() -> Work:
    """What is being done here and now."""
    return _current.get()


@contextmanager
def work_for(**known: str | None) -> Iterator[None]:
    """Within the block, the work is also for these fields of `Work`."""
    token = _current.set(replace(_current.get(), **known))
    try:
        yield
    finally:
        _current.reset(token)
