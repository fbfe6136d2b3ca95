"""Spans over requests, SQL, LlamaIndex's steps and calls to elsewhere, sent by OTLP over HTTP.

The standard OTEL_* variables say the rest: headers, the service's name, sampling, the queue's size.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor, HTTPXClientInstrumentor
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from corpus.registry.database.engine import Registry
from lectern.server.tracing.llama_index import steps_traced
from lectern.server.tracing.open import Traced
from lectern.server.tracing.sampling import OnlyFromTheirBeginning
from lectern.server.tracing.spans import OtelTracing
from lectern.server.tracing.sql import statements_traced

# Of probes and scrapes there would be more spans than of everything else.
LEFT_OUT = "/healthz$,/readyz$,/metrics$"
LAST_GRACE_S = 3.0  # for the last spans: a collector that is away must not delay the end
NO_METRICS = NoOpMeterProvider()  # /metrics has them


@contextmanager
def exporting(endpoint: str, service_name: str) -> Iterator[Traced]:
    """Send spans while the block runs, and the last ones after it; `endpoint` is the base URL."""
    provider = _provider(endpoint, service_name)
    tracer = provider.get_tracer("lectern")
    calls = (HTTPXClientInstrumentor(), HTTPX2ClientInstrumentor())

    def watch_app(app: FastAPI) -> None:
        FastAPIInstrumentor.instrument_app(
            app,
            tracer_provider=provider,
            meter_provider=NO_METRICS,
            excluded_urls=LEFT_OUT,
            exclude_spans=["receive", "send"],
        )

    def watch_registry(registry: Registry) -> None:
        statements_traced(registry.engine, tracer)

    for client in calls:
        client.instrument(tracer_provider=provider, meter_provider=NO_METRICS)
    try:
        with steps_traced(tracer):
            yield Traced(OtelTracing(tracer), watch_app, watch_registry)
    finally:
        for client in calls:
            client.uninstrument()
        last = threading.Thread(target=provider.shutdown, name="last-spans", daemon=True)
        last.start()
        last.join(LAST_GRACE_S)


def _provider(endpoint: str, service_name: str) -> TracerProvider:
    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {SERVICE_NAME: service_name}
    provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
    provider.sampler = OnlyFromTheirBeginning(provider.sampler)
    # Else the exporter takes what the environment says, or the standard's own address.
    address = f"{endpoint.rstrip('/')}/v1/traces" if endpoint else None
    if os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        address = None
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=address)))
    return provider
