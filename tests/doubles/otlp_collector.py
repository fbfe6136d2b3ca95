"""A collector of traces on loopback: OTLP over HTTP, in protobuf."""

from __future__ import annotations

import gzip
from dataclasses import dataclass

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.doubles.serving import Handler, Serving


@dataclass(frozen=True)
class CollectedSpan:
    """One span; ids in hex, `parent_id` empty at the beginning of a trace."""

    service: str
    scope: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, str]


class OtlpCollector(Serving):
    """Listens inside a `with`; `spans` are those that came, in the order of their ends."""

    def __init__(self) -> None:
        self.spans: list[CollectedSpan] = []
        self.bodies: list[bytes] = []
        super().__init__(_Handler)

    @property
    def url(self) -> str:
        """To be configured as OTEL_EXPORTER_OTLP_ENDPOINT."""
        return self.root_url

    def take(self, body: bytes) -> None:
        """Keep what is in a request (called by the server's threads)."""
        self.bodies.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            known = {one.key: one.value.string_value for one in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [
                    CollectedSpan(
                        known["service.name"],
                        scope.scope.name,
                        span.name,
                        span.trace_id.hex(),
                        span.span_id.hex(),
                        span.parent_span_id.hex(),
                        {one.key: one.value.string_value for one in span.attributes},
                    )
                    for span in scope.spans
                ]


class _Handler(Handler):
    double: OtlpCollector

    def answer(self) -> None:
        body = self.body()
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        is_known = self.path == "/v1/traces"
        if is_known:
            self.double.take(body)
        reply = ExportTraceServiceResponse().SerializeToString()
        self.reply(200 if is_known else 404, reply, "application/x-protobuf")
