"""Figures at a scrape: what is slow or away delays nothing, and is said to be missing."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Pipe
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from corpus.errors import (
    EmbeddingUnavailable,
    IndexUnavailable,
    LecternError,
    Misconfigured,
    NeedsOcr,
    ParserCrashed,
    StorageUnavailable,
)
from corpus.registry.database.engine import Registry, open_sqlite_registry
from ingestion.worker.retry import (
    MAX_CLAIMS,
    MAX_OUTAGE_FAILURES,
    GiveUp,
    after_failure,
    after_interruptions,
)
from lectern.server.metrics.exposition import new_registry, text_of, with_worker
from lectern.server.metrics.lately import Lately
from lectern.server.metrics.of_ingestion import IngestionMetrics
from lectern.server.metrics.of_service import ServiceMetrics
from lectern.server.metrics.of_state import StateCollector
from lectern.server.metrics.served import served_metrics
from lectern.server.metrics.told import LastTold, told_to_server
from service.measures import MeasuredAnswer
from service.readiness import Away, Dependency, by_ping
from tests.installed import NEEDS_IPV6
from tests.scraping import Scraped


class Source:
    """Gives 1, 2, 3, ...; `error` is raised instead, and while `hangs` is set nothing comes."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None
        self.goes_on = threading.Event()
        self.goes_on.set()

    def __call__(self) -> int:
        self.asked += 1
        self.goes_on.wait(30)
        if self.error is not None:
            raise self.error
        return self.asked


def test_a_value_is_asked_for_once_in_a_while() -> None:
    source = Source()
    lately = Lately(source, fresh_s=60)
    assert [lately(), lately(), lately()] == [1, 1, 1]
    always = Lately(source, fresh_s=0)
    assert [always(), always()] == [2, 3]


@pytest.mark.parametrize("error", [StorageUnavailable("away"), IndexUnavailable("away"), OSError()])
def test_what_is_away_is_none_until_it_is_back(error: Exception) -> None:
    source = Source()
    lately = Lately(source, fresh_s=0)
    source.error = error
    assert lately() is None
    source.error = None
    assert lately() == 2


def test_what_hangs_is_not_asked_again_and_again() -> None:
    source = Source()
    source.goes_on.clear()
    lately = Lately(source, fresh_s=0, limit_s=0.05)
    assert [lately(), lately(), lately()] == [None, None, None]
    assert source.asked == 1
    source.goes_on.set()
    deadline_s = time.monotonic() + 10
    while lately() is None:
        assert time.monotonic() < deadline_s


def test_of_what_became_slow_there_is_what_it_said_before() -> None:
    source = Source()
    lately = Lately(source, fresh_s=0, limit_s=0.05, kept_s=60)
    forgetful = Lately(source, fresh_s=0, limit_s=0.05)
    assert (lately(), forgetful()) == (1, 2)
    source.goes_on.clear()
    assert [lately(), lately()] == [1, 1]
    assert forgetful() is None
    source.goes_on.set()
    deadline_s = time.monotonic() + 10
    while lately() == 1:
        assert time.monotonic() < deadline_s


def test_an_index_that_cannot_be_counted_now_is_there(sqlite: Registry, tmp_path: Path) -> None:
    def too_large() -> int:
        raise IndexUnavailable("nothing came within 10 s")

    now = state(sqlite, tmp_path, count=too_large)
    assert (now.value("lectern_ready"), now.value("lectern_index_up")) == (1, 1)
    assert not now.has("lectern_index_nodes")


def test_those_that_are_begun_are_asked_together() -> None:
    """Each waits for the other one to be asked."""
    met = threading.Barrier(2, timeout=30)
    first, second = Lately(met.wait, limit_s=60), Lately(met.wait, limit_s=60)
    first.begin()
    second.begin()
    assert {first(), second()} == {0, 1}


GONE = Away("index_unavailable", "away")


class Nodes:
    """A store that only counts; embedded, in a folder."""

    is_embedded = True

    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count

    def count_roughly(self) -> int:
        return self._count()


def state(
    registry: Registry,
    data_dir: Path,
    *,
    count: Callable[[], int] = lambda: 7,
    away: tuple[str, ...] = (),
    llm_is_failing: bool | None = None,
) -> Scraped:
    figures = new_registry()
    figures.register(
        StateCollector(
            [
                Dependency("registry", by_ping(registry.ping)),
                Dependency("index", lambda: GONE if "index" in away else None),
                Dependency("originals", lambda: GONE if "originals" in away else None),
                Dependency("worker", lambda: GONE if "worker" in away else None, is_needed=False),
            ],
            registry,
            cast("Any", Nodes(count)),
            data_dir,
            llm_is_failing=None if llm_is_failing is None else lambda: llm_is_failing,
        )
    )
    return Scraped(text_of(figures).decode())


@pytest.fixture
def sqlite(tmp_path: Path) -> Any:  # noqa: ANN401
    opened = open_sqlite_registry(tmp_path / "registry.sqlite")
    yield opened
    opened.close()


def test_all_is_well(sqlite: Registry, tmp_path: Path) -> None:
    (tmp_path / "index-2").mkdir()
    (tmp_path / "index-2" / "segment").write_bytes(b"x" * 10_000)
    now = state(sqlite, tmp_path, llm_is_failing=True)
    for up in ("ready", "registry_up", "index_up", "originals_up"):
        assert now.value(f"lectern_{up}") == 1
    assert now.value("lectern_index_nodes") == 7
    assert now.value("lectern_index_nodes_expected") == 0
    assert now.value("lectern_index_bytes") >= 10_000
    assert now.value("lectern_llm_breaker_open") == 1
    assert now.labels("lectern_jobs", "state") == {"queued", "running"}
    assert now.labels("lectern_documents", "status") >= {"ready", "failed", "queued"}


@pytest.mark.parametrize(
    ("away", "is_ready"), [("worker", 1), ("index", 0), ("originals", 0), ("index originals", 0)]
)
def test_it_is_ready_where_all_is_there_that_is_needed(
    sqlite: Registry, tmp_path: Path, away: str, is_ready: int
) -> None:
    now = state(sqlite, tmp_path, away=tuple(away.split()))
    assert (now.value("lectern_ready"), now.value("lectern_registry_up")) == (is_ready, 1)
    for store in ("index", "originals"):
        assert now.has(f"lectern_{store}_up")
        assert now.value(f"lectern_{store}_up") == (store not in away)
    assert now.has("lectern_jobs")
    assert now.has("lectern_index_nodes") == ("index" not in away)
    assert not now.has("lectern_llm_breaker_open")


def test_tokens_are_counted_by_kind_and_methods_are_few() -> None:
    figures = new_registry()
    metrics = ServiceMetrics(figures)
    usage = {"prompt_tokens": 5, "cached_tokens": 3, "total_tokens": 5}
    metrics.answered(MeasuredAnswer("answered", (), usage, None, 1.0))
    for method in ("GET", "BREW", "STEEP"):
        metrics.replied(method, None, None, 0.1)
    now = Scraped(text_of(figures).decode())
    assert now.labels("lectern_llm_tokens_total", "kind") == {"prompt", "completion", "cached"}
    assert now.labels("lectern_http_requests_total", "method") == {"GET", "OTHER"}
    assert now.value("lectern_http_requests_total", status="none", route="none") == 3
    assert now.value("lectern_answer_first_text_seconds_count") == 0


@pytest.mark.parametrize(
    "error",
    [
        NeedsOcr("scanned"),
        ParserCrashed("again"),
        EmbeddingUnavailable("away"),
        LecternError("ours"),
        None,
    ],
)
def test_what_documents_may_fail_with_is_there_before_they_do(error: LecternError | None) -> None:
    figures = new_registry()
    metrics = IngestionMetrics(figures)
    name, before = "lectern_ingestion_attempts_total", Scraped(text_of(figures).decode())
    decision = (
        after_interruptions(MAX_CLAIMS + 1)
        if error is None
        else after_failure(
            error,
            failures=MAX_OUTAGE_FAILURES + 1,
            outages=MAX_OUTAGE_FAILURES,
            max_attempts=1,
            jitter=0,
        )
    )
    assert isinstance(decision, GiveUp)
    metrics.attempted("failed", decision.error.code)
    after = Scraped(text_of(figures).decode())
    assert after.value(name, outcome="failed", code=decision.error.code) == 1
    assert before.labels(name, "code") == after.labels(name, "code")


def test_a_worker_is_heard_through_the_server(tmp_path: Path) -> None:
    hearing, telling = Pipe()
    last = LastTold()
    last.listen(hearing)
    figures = new_registry()
    IngestionMetrics(figures).attempted("live")
    own = new_registry()
    ServiceMetrics(own)
    with told_to_server(figures, telling):
        deadline_s = time.monotonic() + 10
        while not last.text:
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
    telling.close()
    now = Scraped(with_worker(own, lambda: last.text).decode())
    assert now.value("lectern_ingestion_attempts_total", outcome="live") == 1
    assert now.has("lectern_answers_total")


@NEEDS_IPV6
def test_a_worker_is_reached_by_both_kinds_of_address() -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6) as free:
        port = free.getsockname()[1]
    with served_metrics(new_registry(), "::", port):
        for host in ("127.0.0.1", "[::1]"):
            assert httpx.get(f"http://{host}:{port}/healthz", trust_env=False).is_success


def test_an_address_that_cannot_be_had_is_said_so() -> None:
    figures = new_registry()
    with served_metrics(figures, "127.0.0.1", None):
        pass
    with (
        pytest.raises(Misconfigured, match="cannot be listened on"),
        served_metrics(figures, "203.0.113.1", 9),
    ):
        pass
