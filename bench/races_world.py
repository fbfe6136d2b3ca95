"""A service and a worker in one process for the deletion races: real parts, but no model."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from sqlalchemy import select

from bench.stepping import SteppedOriginals, SteppedRegistry, SteppedStore
from corpus.kinds.known import FileKind
from corpus.registry.database.engine import Registry
from corpus.registry.open import open_registry
from corpus.registry.schema import documents, pages
from corpus.settings import Settings
from ingestion.parsing.parsed import BlockDraft, ParsedDocument, assemble
from ingestion.parsing.sandbox.scratch import Scratch
from ingestion.pipeline.pipeline import Pipeline
from ingestion.pipeline.ports import OnProgress
from ingestion.programs.workspace import Workspace
from ingestion.worker.loop import Worker
from service.parts import ServiceParts

DIMENSION = 64
_WORD = re.compile(r"\w+")


class HashedWords(BaseEmbedding):
    """Each word adds 1 at a place that depends on it; vectors have length 1."""

    def _get_text_embedding(self, text: str) -> list[float]:
        vector = np.zeros(DIMENSION)
        for word in _WORD.findall(text.lower()):
            vector[hashlib.sha256(word.encode()).digest()[0] % DIMENSION] += 1.0
        found: list[float] = (vector / max(float(np.linalg.norm(vector)), 1e-9)).tolist()
        return found

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


class WordTokens:
    """Counts words."""

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Of each word."""
        return [found.span() for found in _WORD.finditer(text)]


class OnePage:
    """Reads a text as one page."""

    def parse(
        self,
        path: Path,
        kind: FileKind,  # noqa: ARG002
        *,
        on_progress: OnProgress,  # noqa: ARG002
        scratch: Scratch | None,  # noqa: ARG002
    ) -> ParsedDocument:
        """The page."""
        return assemble([(1, [BlockDraft(kind="text", text=path.read_text())])])


class _NothingWaits(threading.Event):
    """The worker's wake-up: when it would wait for more to do, it ends instead."""

    def __init__(self, drain: threading.Event) -> None:
        super().__init__()
        self._drain = drain

    def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002
        self._drain.set()
        return True


@dataclass(frozen=True, slots=True)
class World:
    """The parts of the service, each with a boundary before each call; `plain` is without."""

    parts: ServiceParts
    store: SteppedStore
    plain: Registry

    def ingest(self) -> None:
        """Work the queue off with a worker of its own."""
        drain = threading.Event()
        pipeline = Pipeline(
            registry=self.parts.registry,
            originals=self.parts.originals,
            parser=OnePage(),
            embedding=self.parts.embedding,
            tokens=WordTokens(),
            fingerprint={"model": "hashed words"},
            store=self.store,
            chunk_tokens=64,
            document_timeout_s=600,
            workspace=Workspace(self.parts.settings.data_dir),
            stop=threading.Event(),
        )
        name = f"worker-{id(drain)}"
        wake = _NothingWaits(drain)
        Worker(self.parts.registry, pipeline, name, wake, drain, max_attempts=3).run()

    def live_numbers(self, collection: str) -> set[str]:
        """The numbers that the live versions of a collection state, by their pages."""
        live = (
            select(pages.c.text)
            .join(
                documents,
                (documents.c.id == pages.c.document_id)
                & (documents.c.live_version == pages.c.version),
            )
            .where(documents.c.collection == collection, documents.c.deleted_at.is_(None))
        )
        with self.plain.read() as connection:
            texts = connection.execute(live).scalars().all()
        return {number for text in texts for number in re.findall(r"K\d+", text)}


@contextmanager
def open_world(folder: Path) -> Iterator[World]:
    """Open everything in a folder, the registry at DATABASE_URL where that is set."""
    # An actor is one thread at a time, and related questions are looked for beside the answer.
    settings = Settings(data_dir=folder, suggestions="off")
    plain = open_registry(settings)
    store = SteppedStore.open(folder / "index", DIMENSION)
    parts = ServiceParts(
        settings=settings,
        registry=SteppedRegistry(plain),
        originals=SteppedOriginals(folder / "originals"),
        store=store,
        embedding=HashedWords(),
        sentence_embedding=HashedWords(),
        llm=None,
        reranker=None,
        wake_worker=lambda: None,
        dependencies=(),
        page_pictures=cast("Any", None),
    )
    try:
        yield World(parts, store, plain)
    finally:
        store.close()
        plain.close()
