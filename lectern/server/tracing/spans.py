"""Our own spans."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, use_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from corpus.work import current_work

_W3C = TraceContextTextMapPropagator()
_HEADER = "traceparent"


class OtelTracing:
    """`Tracing` by OpenTelemetry."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def span(self, name: str) -> AbstractContextManager[object]:
        """A step, which what happens in the block is part of; an error marks it."""
        return _current(self._tracer.start_span(name))

    def begin(self, name: str) -> Callable[[], None]:
        """A step that is read piece by piece; other steps are beside it, not within it.

        A generator's code runs in its reader's context, where a span of its own would stay behind.
        """
        return self._tracer.start_span(name).end

    def job(self, name: str, traceparent: str | None) -> AbstractContextManager[object]:
        """A step that goes on with the trace of another process; for None, with a new one."""
        carrier = {} if traceparent is None else {_HEADER: traceparent}
        work = current_work()
        known = {
            "lectern.request_id": work.request_id,
            "lectern.document_id": work.document_id,
            "lectern.job_id": work.job_id,
        }
        span = self._tracer.start_span(
            name,
            context=_W3C.extract(carrier),
            kind=SpanKind.CONSUMER,
            attributes={key: value for key, value in known.items() if value is not None},
        )
        return _current(span)

    def traceparent(self) -> str | None:
        """The step at hand, as W3C's header has it; None where there is none."""
        carrier: dict[str, str] = {}
        _W3C.inject(carrier)
        return carrier.get(_HEADER)


@contextmanager
def _current(span: Span) -> Iterator[None]:
    """Of an error the span has the name alone: what it says may be out of a document."""
    try:
        with use_span(span, record_exception=False, set_status_on_exception=False):
            yield
    except Exception as error:
        span.set_status(Status(StatusCode.ERROR, type(error).__name__))
        raise
    finally:
        span.end()
