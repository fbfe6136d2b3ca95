"""Requests, answers and calls of the LLM, as Prometheus counts them."""

from __future__ import annotations

from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Histogram

from service.answering.events import AnswerState
from service.measures import LlmOutcome, MeasuredAnswer

# From a cached picture to an LLM that takes its whole minute.
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
NO_ROUTE = "none"


class ServiceMetrics:
    """`ServiceMeasures` in `registry`. No label's values grow with what callers send."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(f"lectern_{name}", what, labels, registry=registry)

        def seconds(name: str, what: str, *labels: str) -> Histogram:
            return Histogram(
                f"lectern_{name}_seconds", what, labels, buckets=SECONDS, registry=registry
            )

        self._requests = counter(
            "http_requests_total", "Requests, by route and status.", "method", "route", "status"
        )
        self._request_s = seconds(
            "http_request_duration", "Until a reply began.", "method", "route"
        )
        self._answers = counter("answers_total", "Answers that ended, by how.", "state")
        self._degraded = counter("answers_degraded_total", "What answers lacked.", "reason")
        self._first_text_s = seconds("answer_first_text", "Until an answer's first text.")
        self._answer_s = seconds("answer_duration", "Until an answer's end.")
        self._retrieval_s = seconds("retrieval_duration", "Retrieving passages.")
        self._llm_s = seconds("llm_call_duration", "Calls of the LLM, by outcome.", "outcome")
        self._llm_first_s = seconds("llm_first_token", "Until a call's first token.")
        self._tokens = counter("llm_tokens_total", "Tokens of answers, as the LLM says.", "kind")
        # A rate needs to see the zero before the first one.
        for state in (*get_args(AnswerState), "stopped", "failed"):
            self._answers.labels(state)
        for outcome in get_args(LlmOutcome):
            self._llm_s.labels(outcome)
        for kind in ("prompt", "completion"):
            self._tokens.labels(kind)

    def replied(self, method: str, route: str | None, status: int | None, seconds: float) -> None:
        """Count a request and the time until its reply began."""
        method = method if method in METHODS else "OTHER"
        route = route or NO_ROUTE
        self._requests.labels(method, route, "none" if status is None else str(status)).inc()
        self._request_s.labels(method, route).observe(seconds)

    def retrieved(self, seconds: float) -> None:
        """Note how long retrieval took."""
        self._retrieval_s.observe(seconds)

    def answered(self, answer: MeasuredAnswer) -> None:
        """Count an answer, what it lacked and what it cost."""
        self._answers.labels(answer.state).inc()
        for reason in answer.degraded:
            self._degraded.labels(reason).inc()
        for name, count in answer.usage.items():
            if name != "total_tokens":
                self._tokens.labels(name.removesuffix("_tokens")).inc(count)
        if answer.first_text_s is not None:
            self._first_text_s.observe(answer.first_text_s)
        self._answer_s.observe(answer.total_s)

    def llm_called(
        self, outcome: LlmOutcome, *, first_token_s: float | None, total_s: float
    ) -> None:
        """Note how long a call of the LLM took."""
        self._llm_s.labels(outcome).observe(total_s)
        if first_token_s is not None:
            self._llm_first_s.observe(first_token_s)
