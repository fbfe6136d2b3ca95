"""What a server stands on: what is its own must work, and of what it shares, what answers need."""

from __future__ import annotations

from collections.abc import Callable

from corpus.index.port import NodeStore
from corpus.originals.port import OriginalStore
from corpus.pinging import BoundedPing
from corpus.registry.database.engine import Registry
from corpus.registry.workers import count_alive
from corpus.settings import Settings
from service.readiness import (
    INDEX,
    NO_WORKER,
    ORIGINALS,
    REGISTRY,
    WORKER,
    Away,
    Dependency,
    by_ping,
)


def dependencies_of(
    settings: Settings,
    registry: Registry,
    store: NodeStore,
    originals: OriginalStore,
    *,
    own_worker_is_alive: Callable[[], bool] | None,
) -> tuple[Dependency, ...]:
    """All of them, in the order in which they are told.

    `own_worker_is_alive` is None where workers run elsewhere. Without any worker, or while a bucket
    is away, servers answer questions, and uploads wait or are refused: not ready, all of them would
    be taken out of rotation at once.
    """
    has_own_folder = own_worker_is_alive is not None and settings.blob_url is None
    return (
        Dependency(REGISTRY, by_ping(registry.ping)),
        Dependency(INDEX, by_ping(store.ping)),
        Dependency(ORIGINALS, by_ping(originals.ping), is_needed=has_own_folder),
        _workers_of(registry)
        if own_worker_is_alive is None
        else Dependency(WORKER, lambda: None if own_worker_is_alive() else NO_WORKER),
    )


def _workers_of(registry: Registry) -> Dependency:
    def look() -> Away | None:
        with registry.read() as connection:
            return None if count_alive(connection) else NO_WORKER

    return Dependency(WORKER, by_ping(BoundedPing(look, name="The registry")), is_needed=False)
