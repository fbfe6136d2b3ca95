"""SQL statements as spans: OpenTelemetry's own instrumentation refuses SQLAlchemy 2.1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext, ExecutionContext

_SPAN = "lectern_span"


def statements_traced(engine: Engine, tracer: Tracer) -> None:
    """Make a span of each statement from now on: its text, never its parameters."""
    event.listen(engine, "before_cursor_execute", _beginning(tracer))
    event.listen(engine, "after_cursor_execute", _end)
    event.listen(engine, "handle_error", _fail)


def _beginning(tracer: Tracer) -> Callable[..., None]:
    def begin(
        connection: Connection,
        _cursor: object,
        statement: str,
        _parameters: Any,  # noqa: ANN401
        context: ExecutionContext | None,
        _many: bool,
    ) -> None:
        operation = statement.lstrip().partition(" ")[0].upper()
        span = tracer.start_span(
            operation,
            kind=SpanKind.CLIENT,
            attributes={
                "db.system.name": connection.dialect.name,
                "db.operation.name": operation,
                "db.query.text": statement,
            },
        )
        if context is not None:
            setattr(context, _SPAN, span)
        else:
            span.end()

    return begin


def _end(
    _connection: Connection,
    _cursor: object,
    _statement: str,
    _parameters: Any,  # noqa: ANN401
    context: ExecutionContext | None,
    _many: bool,
) -> None:
    span = _span_of(context)
    if span is not None:
        span.end()


def _fail(raised: ExceptionContext) -> None:
    span = _span_of(raised.execution_context)
    if span is not None:
        kind = type(raised.original_exception).__name__
        span.set_status(Status(StatusCode.ERROR, kind))
        span.end()


def _span_of(context: ExecutionContext | None) -> Span | None:
    return getattr(context, _SPAN, None)
