"""Whether there are traces, and where they go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from corpus.errors import Misconfigured
from corpus.extras import how_to_install
from corpus.registry.database.engine import Registry
from corpus.settings import Settings
from corpus.tracing import UNTRACED, Tracing

if TYPE_CHECKING:
    from fastapi import FastAPI  # which a worker does not load

OTLP = "otlp"
OFF = "none"


@dataclass(frozen=True, slots=True)
class Traced:
    """What makes spans, and what has it make more: of requests, of SQL."""

    tracing: Tracing = UNTRACED
    watch_app: Callable[[FastAPI], None] = lambda _: None
    watch_registry: Callable[[Registry], None] = lambda _: None


NOT_TRACED = Traced()


@contextmanager
def traced(settings: Settings, service_name: str) -> Iterator[Traced]:
    """Traces while the block runs, where a collector is configured; nothing is loaded elsewhere.

    `service_name` is told unless OTEL_SERVICE_NAME is set. Raises `Misconfigured` where the extra
    is not installed, or another exporter than OTLP is wanted.
    """
    wanted = settings.otel_traces_exporter or (OTLP if settings.otel_endpoint else OFF)
    if wanted == OFF:
        yield NOT_TRACED
        return
    if wanted != OTLP:
        raise Misconfigured(
            f"OTEL_TRACES_EXPORTER is {wanted!r}, and only otlp (over HTTP) is offered.",
            hint="Set it to otlp or none, or leave it empty.",
        )
    try:
        from lectern.server.tracing.otel import exporting  # noqa: PLC0415
    except ImportError as error:
        raise Misconfigured(
            f"A collector of traces is configured, and {error.name} is not installed.",
            hint=f"{how_to_install('otel')} Or unset OTEL_*.",
        ) from error
    with exporting(settings.otel_endpoint, service_name) as started:
        yield started
