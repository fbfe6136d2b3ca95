"""LlamaIndex's steps as spans: it tells its span handlers of each, in its own instrumentation."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.response_synthesizers import BaseSynthesizer
from llama_index_instrumentation import get_dispatcher
from llama_index_instrumentation.span import BaseSpan
from llama_index_instrumentation.span_handlers import BaseSpanHandler
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, Status, StatusCode, Tracer
from pydantic import PrivateAttr

# Not the LLMs: what they return is read later, and has a span of its own (service/llm/).
STEPS = (BaseEmbedding, BaseNodePostprocessor, BaseQueryEngine, BaseRetriever, BaseSynthesizer)


@contextmanager
def steps_traced(tracer: Tracer) -> Iterator[None]:
    """Make spans of the steps while the block runs."""
    handler = StepSpans(tracer)
    root = get_dispatcher()
    root.add_span_handler(handler)
    try:
        yield
    finally:
        root.span_handlers = [one for one in root.span_handlers if one is not handler]


class StepSpan(BaseSpan):
    """A step that has begun."""

    _instance: object = PrivateAttr()
    _span: Span = PrivateAttr()
    _within: Context = PrivateAttr()
    _token: object = PrivateAttr()

    def begin(self, instance: object, span: Span) -> None:
        """Make what follows here part of the step, which is `instance`'s."""
        self._instance = instance
        self._span = span
        self._within = trace.set_span_in_context(span)
        self._token = otel_context.attach(self._within)

    def is_of(self, instance: object) -> bool:
        """Whether the step is this instance's."""
        return self._instance is instance

    def end(self, error: BaseException | None = None) -> None:
        """End the step."""
        if error is not None:
            self._span.set_status(Status(StatusCode.ERROR, type(error).__name__))
        self._span.end()
        # LlamaIndex ends some steps in another context than they began in, which keeps its own.
        if otel_context.get_current() is self._within:
            otel_context.detach(self._token)  # type: ignore[arg-type]  # a contextvars.Token


class StepSpans(BaseSpanHandler[StepSpan]):
    """Makes a span of each step, named `Class.method`; what goes in and out stays untold."""

    _tracer: Tracer = PrivateAttr()

    def __init__(self, tracer: Tracer) -> None:
        super().__init__()
        self._tracer = tracer

    @classmethod
    def class_name(cls) -> str:
        """Name by which LlamaIndex shows this handler."""
        return "StepSpans"

    def new_span(
        self,
        id_: str,
        bound_args: inspect.BoundArguments,  # noqa: ARG002
        instance: Any | None = None,  # noqa: ANN401
        parent_span_id: str | None = None,
        tags: dict[str, Any] | None = None,
        **_: object,
    ) -> StepSpan | None:
        """Begin one, if it is a step of interest."""
        above = self.open_spans.get(parent_span_id or "")
        is_within_its_own = above is not None and above.is_of(instance)
        if not isinstance(instance, STEPS) or is_within_its_own:
            return None
        step = StepSpan(id_=id_, parent_id=parent_span_id, tags=tags or {})
        step.begin(instance, self._tracer.start_span(id_.partition("-")[0]))
        return step

    def prepare_to_exit_span(
        self,
        id_: str,
        bound_args: inspect.BoundArguments,  # noqa: ARG002
        instance: Any | None = None,  # noqa: ANN401, ARG002
        result: Any | None = None,  # noqa: ANN401, ARG002
        **_: object,
    ) -> StepSpan | None:
        """End one."""
        return self._ended(id_, None)

    def prepare_to_drop_span(
        self,
        id_: str,
        bound_args: inspect.BoundArguments,  # noqa: ARG002
        instance: Any | None = None,  # noqa: ANN401, ARG002
        err: BaseException | None = None,
        **_: object,
    ) -> StepSpan | None:
        """End one that failed."""
        return self._ended(id_, err)

    def _ended(self, id_: str, error: BaseException | None) -> StepSpan | None:
        step = self.open_spans.get(id_)
        if step is not None:
            step.end(error)
        return step
