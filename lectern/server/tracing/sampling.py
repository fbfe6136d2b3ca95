"""Which spans may begin a trace."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState, get_current_span
from opentelemetry.util.types import Attributes

BEGINNINGS = frozenset({SpanKind.SERVER, SpanKind.CONSUMER})


class OnlyFromTheirBeginning(Sampler):
    """Requests and jobs begin traces, of which `sampler` chooses; nothing else does.

    Otherwise each look at the queue and each heartbeat would be a trace of one SQL statement.
    """

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Drop a span without a parent that is no beginning; the rest is the sampler's."""
        parent = get_current_span(parent_context).get_span_context()
        if not parent.is_valid and kind not in BEGINNINGS:
            return SamplingResult(Decision.DROP)
        return self._sampler.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def get_description(self) -> str:
        """For the SDK's own words."""
        return f"OnlyFromTheirBeginning({self._sampler.get_description()})"
