"""All parts are put together here, by the settings, and nowhere else.

The stores and the embedding are chosen by their packages' own `open.py`, the models that answer by
models.py.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection

from prometheus_client import CollectorRegistry

from corpus.embedding.open import OpenedEmbedding, open_embedding
from corpus.index.gateway import GatewayVectorStore
from corpus.index.open import open_node_store
from corpus.index.port import NodeStore
from corpus.originals.open import FOLDER, opened_originals
from corpus.ownership import Installation
from corpus.registry.database.engine import Registry
from corpus.registry.installation import this_installation
from corpus.settings import Settings
from ingestion.parsing.sandbox.sandbox import ParserSandbox
from ingestion.pipeline.pipeline import Pipeline
from ingestion.programs.office import Office
from ingestion.programs.workspace import open_workspace
from ingestion.reading import OcrOptions, Reader
from ingestion.showing import PagePainter
from ingestion.worker.loop import Worker, unique_worker_name
from lectern.server.dependencies import dependencies_of
from lectern.server.gate import gate_open
from lectern.server.metrics.exposition import describe_process, new_registry, with_worker
from lectern.server.metrics.of_ingestion import IngestionMetrics
from lectern.server.metrics.of_service import ServiceMetrics
from lectern.server.metrics.of_state import StateCollector
from lectern.server.models import open_llms, open_reranker
from lectern.server.old_indexes import remove_left_folders
from lectern.server.reconciler import mend_at_start
from lectern.server.registered import RegisteredIndex
from lectern.server.reindexing import switch_to_built
from lectern.server.starting import awaited_registry, begin_embedding, while_starting
from lectern.server.tracing.open import NOT_TRACED, Traced
from service.parts import ServiceParts

log = logging.getLogger("lectern.server")

QUERY_THREADS = 1  # a question is one short text: more threads only wake each other up


@dataclass(frozen=True, slots=True)
class WorkerHooks:
    """How the service reaches a worker of its own; `ELSEWHERE` when it has none.

    `figures` are what the worker said last of its work, for /metrics.
    """

    wake: Callable[[], None]
    is_alive: Callable[[], bool] | None
    figures: Callable[[], bytes] = bytes


ELSEWHERE = WorkerHooks(wake=lambda: None, is_alive=None)  # the database tells them


@contextmanager
def service_parts(
    settings: Settings, hooks: WorkerHooks, traces: Traced = NOT_TRACED
) -> Iterator[ServiceParts]:
    """Open what the service needs, mend what a crash left, close at the end."""
    with ExitStack() as opened:
        registry = awaited_registry(settings)
        opened.callback(registry.close)
        traces.watch_registry(registry)
        installation = while_starting(settings, partial(this_installation, registry))
        originals = opened.enter_context(opened_originals(settings, installation, may_be_away=True))
        embedding = open_embedding(settings, QUERY_THREADS, "float32")
        fingerprint = embedding.fingerprint
        while_starting(settings, partial(switch_to_built, settings, registry, fingerprint))
        begin_embedding(settings, registry, fingerprint)
        remove_left_folders(settings, registry, fingerprint.short)
        registered = RegisteredIndex(registry, fingerprint)
        store = open_node_store(
            settings, fingerprint.short, embedding.dimension, installation, registered
        )
        opened.callback(store.close)
        while_starting(
            settings,
            lambda: mend_at_start(settings, registry, originals, store, fingerprint),
        )
        opened.enter_context(gate_open(settings.data_dir, store, fingerprint.as_json()))
        dependencies = dependencies_of(
            settings, registry, store, originals, own_worker_is_alive=hooks.is_alive
        )
        figures = new_registry()
        measures = ServiceMetrics(figures)
        llm, other_llms = open_llms(settings, measures, traces.tracing)
        describe_process(figures)
        figures.register(
            StateCollector(
                dependencies,
                registry,
                store,
                settings.data_dir,
                llm_is_failing=None if llm is None else lambda: llm.is_failing,
            )
        )
        yield ServiceParts(
            settings=settings,
            registry=registry,
            originals=originals,
            store=store,
            embedding=embedding.model,
            # A dozen sentences an answer, most of the time that it takes (ADR 9).
            sentence_embedding=open_embedding(settings, os.cpu_count() or 1, "int8").model,
            llm=llm,
            other_llms=other_llms,
            reranker=open_reranker(settings),
            wake_worker=hooks.wake,
            dependencies=dependencies,
            page_pictures=opened.enter_context(_page_painter(settings)),
            measures=measures,
            tracing=traces.tracing,
            metrics=partial(with_worker, figures, hooks.figures),
        )


@contextmanager
def _page_painter(settings: Settings) -> Iterator[PagePainter]:
    with (
        ParserSandbox(timeout_s=settings.parse_timeout_s, max_pages=settings.max_pages) as sandbox,
        open_workspace(settings.data_dir / "scratch") as workspace,
    ):
        yield PagePainter(sandbox, workspace)


@contextmanager
def opened_worker(
    settings: Settings,
    index: Connection | None,
    stop: threading.Event,
    drain: threading.Event,
    wake: threading.Event,
    figures: CollectorRegistry,
    traces: Traced,
) -> Iterator[Worker]:
    """A worker; with `index`, an API process that owns the embedded index serves it there.

    What it does is counted in `figures`, and in `traces`.

    Raises `EmbeddingMismatch` when the collections were embedded unlike what the settings say, and
    nobody is at work to change that; `StoreOfAnother` for a bucket or a Qdrant collection that is
    not this registry's.
    """
    measures = IngestionMetrics(figures)
    registry = awaited_registry(settings)
    traces.watch_registry(registry)
    embedding = open_embedding(settings, os.cpu_count() or 1, "int8")
    begin_embedding(settings, registry, embedding.fingerprint, drain)
    installation = while_starting(settings, partial(this_installation, registry))
    with (
        _wake_ups(settings, wake),
        ParserSandbox(timeout_s=settings.parse_timeout_s, max_pages=settings.max_pages) as sandbox,
        open_workspace(settings.data_dir / "scratch") as workspace,
        # The server that we are beside, if any, has checked and cleared. A worker reads an original
        # once, and keeps none.
        opened_originals(
            settings,
            installation,
            is_checked=index is None,
            may_be_away=True,
            copies_bytes=0,
        ) as originals,
    ):
        if index is None:
            originals.clear_staging()
        store = _worker_store(settings, registry, embedding, installation, index)
        office = Office(settings.parse_timeout_s)
        limit_tokens = embedding.limit_tokens or settings.chunk_tokens
        pipeline = Pipeline(
            registry=registry,
            originals=originals,
            parser=Reader(sandbox, office, workspace, ocr_options(settings)),
            embedding=embedding.model,
            tokens=embedding.tokens,
            fingerprint=embedding.fingerprint.as_json(),
            store=store,
            # What the model does not read could not be found: no chunk is longer than its limit.
            chunk_tokens=min(settings.chunk_tokens, limit_tokens),
            document_timeout_s=settings.document_timeout_s,
            workspace=workspace,
            stop=stop,
            measures=measures,
            tracing=traces.tracing,
        )
        try:
            yield Worker(
                registry,
                pipeline,
                unique_worker_name(),
                wake,
                drain,
                max_attempts=settings.max_attempts,
                measures=measures,
            )
        finally:
            store.close()
            registry.close()


def warn_of_folder(settings: Settings) -> None:
    """Say what servers and workers apart from each other need, where nothing but a folder is."""
    if settings.blob_url is None:
        log.warning(
            "originals are in %s: servers and workers elsewhere need that same folder, or a bucket"
            " for all of them (BLOB_URL)",
            settings.data_dir / FOLDER,
        )


def ocr_options(settings: Settings) -> OcrOptions | None:
    """How pictures are to be read; None when they are not."""
    if settings.ocr == "off":
        return None
    languages = tuple(settings.ocr_languages.split("+"))
    return OcrOptions(languages, settings.ocr_page_timeout_s)


def _wake_ups(settings: Settings, wake: threading.Event) -> AbstractContextManager[None]:
    if settings.database_url is None:
        return nullcontext()
    # Imported only when used: it loads the database's driver.
    from corpus.registry.wakeups import listening  # noqa: PLC0415

    return listening(settings.database_url, wake.set)


def _worker_store(
    settings: Settings,
    registry: Registry,
    embedding: OpenedEmbedding,
    installation: Installation,
    index: Connection | None,
) -> NodeStore:
    if index is not None and not settings.index_is_shared:
        return GatewayVectorStore(index)
    fingerprint = embedding.fingerprint
    registered = RegisteredIndex(registry, fingerprint)
    return open_node_store(
        settings, fingerprint.short, embedding.dimension, installation, registered
    )
