"""One trace of an upload, through the queue into the worker, and one of a question."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.doubles.otlp_collector import CollectedSpan, OtlpCollector
from tests.doubles.scripted_llm import MODEL, ScriptedLlm, say
from tests.e2e.server import LecternServer

MakeDataDir = Callable[[], Path]
BOATS = b"A coracle is a small round boat. It is made of wicker."
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(scope="module")
def spans(make_data_dir: MakeDataDir) -> list[CollectedSpan]:
    """All spans of a server and its worker: an upload, a question, probes; both ended in order."""
    with OtlpCollector() as collector, ScriptedLlm(say("A coracle is a small boat [1].")) as llm:
        settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "LECTERN_LLM": llm.base_url,
            "LECTERN_LLM_MODEL": MODEL,
        }
        with LecternServer(make_data_dir(), **settings) as server:
            server.add("boats.txt", BOATS)
            question = {"message": "What is a coracle?", "stream": True}
            headers = {"traceparent": CALLER}
            said = server.http.post("/chat", json=question, headers=headers).text
            assert "event: done" in said
            server.http.get("/metrics")
            time.sleep(3)  # heartbeats, and looks at the queue
    everything = b"".join(collector.bodies)
    assert b"coracle" not in everything
    return collector.spans


def trace_of(spans: list[CollectedSpan], name: str) -> list[CollectedSpan]:
    """The spans of the trace that begins with a request of this name."""
    (first,) = [span for span in spans if span.name == name]
    return [span for span in spans if span.trace_id == first.trace_id]


def test_a_question_is_one_trace_from_its_caller_to_the_llm(spans: list[CollectedSpan]) -> None:
    trace = trace_of(spans, "POST /chat")
    names = {span.name for span in trace}
    assert {
        "HybridRetriever.aretrieve",
        "RankedInContext._postprocess_nodes",
        "WrittenSynthesizer.asynthesize",
        "index query",
        "answer",
        "llm",
    } <= names, names
    scopes = {span.scope.rpartition(".")[2] for span in trace}
    assert "fastapi" in scopes
    assert scopes & {"httpx", "httpx2"}, scopes
    assert any("FROM documents" in span.attributes.get("db.query.text", "") for span in trace)
    assert {span.service for span in trace} == {"lectern"}
    request = next(span for span in trace if span.name == "POST /chat")
    _, trace_id, caller_id, _ = CALLER.split("-")
    assert (request.trace_id, request.parent_id) == (trace_id, caller_id)


def test_every_span_of_a_trace_hangs_together(spans: list[CollectedSpan]) -> None:
    by_id = {span.span_id: span for span in trace_of(spans, "POST /chat")}

    def above(span: CollectedSpan) -> list[str]:
        parent = by_id.get(span.parent_id)
        return [] if parent is None else [parent.name, *above(parent)]

    assert all(above(span)[-1] == "POST /chat" for span in by_id.values() if above(span))
    query = next(span for span in by_id.values() if span.name == "index query")
    assert "HybridRetriever.aretrieve" in above(query)
    roots = [span.name for span in by_id.values() if not above(span)]
    assert roots == ["POST /chat"]


def test_an_upload_is_one_trace_into_the_worker(spans: list[CollectedSpan]) -> None:
    trace = trace_of(spans, "POST /documents")
    of_worker = {span.name for span in trace if span.service == "lectern-worker"}
    assert {"ingest", "parsing", "chunking", "embedding", "indexing"} <= of_worker
    of_sql = {span.service for span in trace if "db.query.text" in span.attributes}
    assert of_sql == {"lectern", "lectern-worker"}
    ingest = next(span for span in trace if span.name == "ingest")
    request = next(span for span in trace if span.name == "POST /documents")
    assert ingest.parent_id == request.span_id
    assert ingest.attributes["lectern.request_id"]
    assert ingest.attributes["lectern.document_id"]


def test_nothing_else_is_a_trace(spans: list[CollectedSpan]) -> None:
    """No heartbeat, no look at the queue, no probe."""
    known = {span.span_id for span in spans}
    beginnings = {span.name for span in spans if span.parent_id not in known}
    assert beginnings == {"POST /chat", "POST /documents", "GET /documents/{document_id}"}


def test_without_a_collector_nothing_of_it_is_loaded() -> None:
    script = """
import sys
from corpus.settings import Settings
from lectern.server.serve import serve
from lectern.server.tracing.open import traced
with traced(Settings(_env_file=None), "lectern") as traces:
    assert traces.tracing.traceparent() is None
print([name for name in sys.modules if name.startswith("opentelemetry.sdk")])
print([name for name in sys.modules if name.startswith("opentelemetry.instrumentation")])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n[]\n"


def test_a_collector_that_is_away_costs_no_answer_and_no_orderly_end(
    make_data_dir: MakeDataDir,
) -> None:
    with LecternServer(make_data_dir(), OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1") as server:
        server.add("boats.txt", BOATS)
        assert server.chat("What is a coracle?")["state"] == "answered"
        assert server.stop() == 0


def test_another_exporter_is_refused_with_what_to_do(make_data_dir: MakeDataDir) -> None:
    server = LecternServer(make_data_dir(), OTEL_TRACES_EXPORTER="jaeger")
    with pytest.raises(AssertionError, match="only otlp"):
        server.start()
    server.http.close()
