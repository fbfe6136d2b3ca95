"""Threads that go one step at a time, in an order that a seed decides: no sleeping, no luck.

An actor stops before each call of a port (registry, index, originals) until it is told to go on;
nobody else moves meanwhile. Inside a transaction it does not stop, as the others would wait for it.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import (
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryResult,
)
from sqlalchemy import Connection

from corpus.index.edge.store import EdgeVectorStore
from corpus.index.points import StoredEmbedding
from corpus.originals.folder import FolderOriginals
from corpus.registry.database.engine import Registry

LONGEST_STEP_S = 120.0

_current: ContextVar[Actor | None] = ContextVar("actor", default=None)


class Actor:
    """Work in a thread of its own, or in one that it gives its context to and waits for."""

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self.name = name
        self.is_done = False
        self.failure: Exception | None = None
        self._work = work
        self._go = threading.Semaphore(0)
        self._stopped = threading.Semaphore(0)
        self._in_transaction = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def step(self) -> None:
        """Let it go on to its next stop, or to its end."""
        self._go.release()
        if not self._stopped.acquire(timeout=LONGEST_STEP_S):
            raise RuntimeError(f"{self.name} is stuck")
        if self.is_done:
            self._thread.join()

    def stop_here(self) -> None:
        """Wait to be told to go on."""
        if not self._in_transaction:
            self._stopped.release()
            self._go.acquire()

    @contextmanager
    def without_stops(self) -> Iterator[None]:
        """Go through this block at once."""
        before, self._in_transaction = self._in_transaction, True
        try:
            yield
        finally:
            self._in_transaction = before

    def _run(self) -> None:
        _current.set(self)
        self._go.acquire()
        try:
            self._work()
        except Exception as failure:  # noqa: BLE001  raised again by run_interleaved
            self.failure = failure
        self.is_done = True
        self._stopped.release()


def run_interleaved(actors: Sequence[Actor], choose: random.Random) -> list[str]:
    """Step the actors in a random order to their ends; the names in the order of the steps.

    Raises the first failure of one.
    """
    trace = []
    alive = list(actors)
    while alive:
        actor = choose.choice(alive)
        trace.append(actor.name)
        actor.step()
        if actor.is_done:
            alive.remove(actor)
    for actor in actors:
        if actor.failure is not None:
            raise actor.failure
    return trace


def stop_here() -> None:
    """A step's boundary: the actor that runs this waits its turn; elsewhere nothing happens."""
    actor = _current.get()
    if actor is not None:
        actor.stop_here()


class SteppedRegistry(Registry):
    """A registry with a boundary before each unit of work."""

    def __init__(self, inner: Registry) -> None:
        self._inner = inner

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """As the inner one."""
        with _one_step(), self._inner.read() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """As the inner one."""
        with _one_step(), self._inner.write() as connection:
            yield connection

    def close(self) -> None:
        """As the inner one."""
        self._inner.close()


class SteppedStore(EdgeVectorStore):
    """The real index with a boundary before each call."""

    def add(self, nodes: Sequence[BaseNode], **kwargs: object) -> list[str]:
        """As the real one."""
        stop_here()
        return super().add(nodes, **kwargs)

    def delete_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        **delete_kwargs: object,
    ) -> None:
        """As the real one."""
        stop_here()
        super().delete_nodes(node_ids, filters, **delete_kwargs)

    def count(self, filters: MetadataFilters | None = None) -> int:
        """As the real one."""
        stop_here()
        return super().count(filters)

    def stored_embeddings(
        self, node_ids: Sequence[str], *, with_vectors: bool = True
    ) -> Mapping[str, StoredEmbedding]:
        """As the real one."""
        stop_here()
        return super().stored_embeddings(node_ids, with_vectors=with_vectors)

    def query(self, query: VectorStoreQuery, **kwargs: object) -> VectorStoreQueryResult:
        """As the real one."""
        stop_here()
        return super().query(query, **kwargs)


class SteppedOriginals(FolderOriginals):
    """The real store of originals with a boundary before each removal."""

    def delete(self, content_sha256: str) -> None:
        """As the real one."""
        stop_here()
        super().delete(content_sha256)


@contextmanager
def _one_step() -> Iterator[None]:
    actor = _current.get()
    if actor is None:
        yield
        return
    actor.stop_here()
    with actor.without_stops():
        yield
