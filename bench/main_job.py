"""Upload a folder at once, watch `/healthz` meanwhile, then ask its questions."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bench.health_probe import HealthProbe, percentile
from corpus.settings import Settings
from corpus.values import FINAL_STATUSES
from lectern.client import Client
from lectern.connect import connected

TOP_K = 50


@dataclass(frozen=True, slots=True)
class Golden:
    """A question, its document, and the pages (from 1) any of which answers it."""

    question: str
    document: str
    pages: frozenset[int]


def measure(folder: Path) -> None:
    """Print the figures of one run."""
    questions = list(_questions(folder / "questions.jsonl"))
    files = sorted(path for path in folder.iterdir() if path.suffix in {".pdf", ".txt"})
    with (
        tempfile.TemporaryDirectory() as data_dir,
        connected(Settings(data_dir=Path(data_dir)), None) as client,
    ):
        ids = _ingest(client, files)
        _retrieve(client, questions)
        _answer(client, questions)
        _delete(client, ids, questions)


def _ingest(client: Client, files: Sequence[Path]) -> dict[str, str]:
    with HealthProbe(client.url) as probe:
        started_s = time.perf_counter()
        ids = {path.name: client.upload(path, "default")["id"] for path in files}
        accepted_s = time.perf_counter() - started_s
        documents = {name: _wait(client, document_id) for name, document_id in ids.items()}
        ready_s = time.perf_counter() - started_s
    pages = sum(document["pages"] for document in documents.values())
    chunks = sum(document["chunks"] for document in documents.values())
    statuses = sorted(document["status"] for document in documents.values())
    print(f"files {len(files)}, pages {pages}, chunks {chunks}: {', '.join(set(statuses))}")
    print(f"all accepted after {accepted_s:.2f} s, all ready after {ready_s:.1f} s")
    print(f"upload to ready: {pages / ready_s:.1f} pages/s, {chunks / ready_s:.1f} chunks/s")
    late = sum(latency > 50 for latency in probe.latencies_ms)
    print(
        f"/healthz meanwhile: {len(probe.latencies_ms)} answers, "
        f"p50 {percentile(probe.latencies_ms, 0.5):.1f} ms, "
        f"p99 {percentile(probe.latencies_ms, 0.99):.1f} ms, "
        f"worst {max(probe.latencies_ms):.1f} ms, {late} over 50 ms"
    )
    return ids


def _retrieve(client: Client, questions: Sequence[Golden]) -> None:
    found_at: list[int | None] = []
    latencies_ms: list[float] = []
    for golden in questions:
        started_s = time.perf_counter()
        hits = _post(client, "/search", {"query": golden.question, "top_k": TOP_K})["hits"]
        latencies_ms.append((time.perf_counter() - started_s) * 1000)
        found_at.append(_page_rank(hits, golden))
    for depth in (1, 5, 10):
        share = sum(rank is not None and rank <= depth for rank in found_at) / len(questions)
        print(f"page recall@{depth}: {share:.2f} of {len(questions)} questions")
    print(
        f"/search: p50 {percentile(latencies_ms, 0.5):.0f} ms, "
        f"p99 {percentile(latencies_ms, 0.99):.0f} ms"
    )


def _page_rank(hits: Sequence[dict[str, Any]], golden: Golden) -> int | None:
    """At which place the first right page stands; a page counts once, however many hits."""
    pages = dict.fromkeys((hit["filename"], hit["page"]) for hit in hits)
    for rank, (filename, page) in enumerate(pages, start=1):
        if filename == golden.document and page in golden.pages:
            return rank
    return None


def _answer(client: Client, questions: Sequence[Golden]) -> None:
    states: dict[str, int] = {}
    quotes = verbatim = right_page = 0
    latencies_ms: list[float] = []
    for golden in questions:
        started_s = time.perf_counter()
        answer = _post(client, "/chat", {"message": golden.question})
        latencies_ms.append((time.perf_counter() - started_s) * 1000)
        states[answer["state"]] = states.get(answer["state"], 0) + 1
        cited = answer["citations"]
        quotes += len(cited)
        verbatim += sum(_is_verbatim(client, citation) for citation in cited)
        right_page += any(
            citation["filename"] == golden.document and citation["page"] in golden.pages
            for citation in cited
        )
    print(f"/chat: {states}; right page cited in {right_page} of {len(questions)}")
    print(f"quotes verbatim in the cited page: {verbatim} of {quotes}")
    print(
        f"/chat: p50 {percentile(latencies_ms, 0.5):.0f} ms, "
        f"p99 {percentile(latencies_ms, 0.99):.0f} ms"
    )


def _is_verbatim(client: Client, citation: dict[str, Any]) -> bool:
    page = _get(client, f"/documents/{citation['document_id']}/pages/{citation['page']}")
    start = citation["start_char"] - page["start_char"]
    end = citation["end_char"] - page["start_char"]
    quoted: str = page["text"][start:end]
    return bool(quoted) and quoted == citation["quote"]


def _delete(client: Client, ids: dict[str, str], questions: Sequence[Golden]) -> None:
    name = questions[0].document
    receipt = client.delete(ids[name])
    cited_after = sum(
        citation["document_id"] == ids[name]
        for golden in questions
        for citation in _post(client, "/chat", {"message": golden.question})["citations"]
    )
    print(
        f"deleted {name}: {receipt['points_removed']} points, verified {receipt['verified']}; "
        f"cited afterwards {cited_after} times"
    )


def _wait(client: Client, document_id: str) -> dict[str, Any]:
    while True:
        document = client.document(document_id)
        if document["status"] in FINAL_STATUSES:
            return document
        time.sleep(0.2)


def _post(client: Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    response = httpx.post(client.url + path, json=body, timeout=60.0, trust_env=False)
    found: dict[str, Any] = response.raise_for_status().json()
    return found


def _get(client: Client, path: str) -> dict[str, Any]:
    response = httpx.get(client.url + path, timeout=60.0, trust_env=False)
    found: dict[str, Any] = response.raise_for_status().json()
    return found


def _questions(path: Path) -> Iterator[Golden]:
    for line in path.read_text().splitlines():
        row = json.loads(line)
        yield Golden(row["question"], row["document"], frozenset(row.get("pages", [1])))
