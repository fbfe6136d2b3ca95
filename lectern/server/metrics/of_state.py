"""How things stand at a scrape: the registry, the index, the disk, the LLM."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from corpus.errors import StorageUnavailable
from corpus.index.open import EDGE_FOLDER
from corpus.index.port import NodeStore
from corpus.registry.database.engine import Registry
from corpus.registry.statistics import RegistryFigures, count_everything
from lectern.server.metrics.lately import Lately
from service.readiness import INDEX, ORIGINALS, REGISTRY, Away, Dependency, Readiness

COUNTS_KEPT_S = 120.0
LOOK_LIMIT_S = 5.0  # as long as a probe waits for /readyz
STORES = {REGISTRY: "registry", INDEX: "index", ORIGINALS: "bucket or folder of originals"}
# A scrape does not tell why something is away, or that nothing came within the limit.
GONE = Away(StorageUnavailable.code, "away")


@dataclass(frozen=True, slots=True)
class IndexFigures:
    """About how many nodes it has, and the bytes of its files; None where it is on a server."""

    nodes: int
    size_bytes: int | None


class StateCollector(Collector):
    """Asks at a scrape, in threads with limits: what does not answer is missing.

    Ready is what /readyz says of the same `dependencies`. `llm_is_failing` is None without an LLM.
    """

    def __init__(
        self,
        dependencies: Sequence[Dependency],
        registry: Registry,
        store: NodeStore,
        data_dir: Path,
        *,
        llm_is_failing: Callable[[], bool] | None,
    ) -> None:
        self._data_dir = data_dir
        self._looks = [
            (one, Lately(partial(_is_there, one), limit_s=LOOK_LIMIT_S)) for one in dependencies
        ]
        self._llm_is_failing = llm_is_failing
        # Where there are a million documents, counting them takes longer than a scrape may.
        self._registry = Lately(lambda: _ask_registry(registry), kept_s=COUNTS_KEPT_S)
        self._index = Lately(lambda: _ask_index(store, data_dir), kept_s=COUNTS_KEPT_S)

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing: the names are known at a scrape, and nothing is to be asked before."""
        return ()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """All that is known now."""
        readiness = self._look()
        is_up = {one.name: away is None for one, away in readiness.found}
        registry = self._registry() if is_up[REGISTRY] else None
        index = self._index() if is_up[INDEX] else None
        ready = int(readiness.is_ready)
        yield _gauge("ready", "Whether questions are answered, as /readyz says.", ready)
        for name, what in STORES.items():
            yield _gauge(f"{name}_up", f"Whether the {what} answers.", int(is_up[name]))
        if registry is not None:
            yield from _of_registry(registry)
        if index is not None:
            yield _gauge("index_nodes", "Nodes in the index, about.", index.nodes)
            if index.size_bytes is not None:
                yield _gauge("index_bytes", "Size of the embedded index.", index.size_bytes)
        yield from _of_disk(self._data_dir)
        if self._llm_is_failing is not None:
            open_ = int(self._llm_is_failing())
            yield _gauge("llm_breaker_open", "Whether the LLM fails, and is left alone.", open_)

    def _look(self) -> Readiness:
        for _, look in self._looks:
            look.begin()
        return Readiness([(one, None if look() else GONE) for one, look in self._looks])


def _of_registry(figures: RegistryFigures) -> Iterable[GaugeMetricFamily]:
    counts = {state: job.count for state, job in figures.jobs.items()}
    ages = {state: job.oldest_age_s for state, job in figures.jobs.items()}
    yield _gauges("jobs", "Jobs in the queue.", "state", counts)
    yield _gauges(
        "jobs_oldest_age_seconds", "Since the oldest was queued; 0: none is.", "state", ages
    )
    documents = "Documents, by the status of their newest version."
    yield _gauges("documents", documents, "status", figures.documents)
    expected = "Nodes of the versions that answer: the index should have no fewer."
    yield _gauge("index_nodes_expected", expected, figures.live_nodes)
    yield _gauge("workers_alive", "Workers heard of lately.", figures.workers_alive)


def _of_disk(data_dir: Path) -> Iterable[GaugeMetricFamily]:
    with suppress(OSError):
        disk = shutil.disk_usage(data_dir)
        yield _gauge("data_disk_bytes", "Size of the data folder's disk.", disk.total)
        yield _gauge("data_disk_free_bytes", "What is free of it.", disk.free)


def _is_there(dependency: Dependency) -> bool:
    return dependency.look() is None


def _ask_registry(registry: Registry) -> RegistryFigures:
    with registry.read() as connection:
        return count_everything(connection)


def _ask_index(store: NodeStore, data_dir: Path) -> IndexFigures:
    size_bytes = _size_of_index(data_dir) if store.is_embedded else None
    return IndexFigures(store.count_roughly(), size_bytes)


def _size_of_index(data_dir: Path) -> int:
    """Bytes that its files take on the disk (they may be sparse), a copy in the making included."""
    size_bytes = 0
    for path in (*data_dir.glob(f"{EDGE_FOLDER}/**/*"), *data_dir.glob(f"{EDGE_FOLDER}-*/**/*")):
        with suppress(FileNotFoundError):  # it may go while we look
            size_bytes += path.stat().st_blocks * 512
    return size_bytes


def _gauge(name: str, what: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"lectern_{name}", what, value=value)


def _gauges(
    name: str, what: str, label: str, values: Mapping[str, float | int]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"lectern_{name}", what, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
