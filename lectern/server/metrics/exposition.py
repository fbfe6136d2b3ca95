"""All figures of a process as text, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version

from prometheus_client import (
    CollectorRegistry,
    Gauge,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)


def new_registry() -> CollectorRegistry:
    """An empty one, to be passed on."""
    # The time at which each counter began would be as many series again.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    return CollectorRegistry()


def describe_process(registry: CollectorRegistry) -> None:
    """Add which version this is, and what its process uses."""
    build = Gauge("lectern_build_info", "Always 1.", ["version"], registry=registry)
    build.labels(version("lectern")).set(1)
    ProcessCollector(registry=registry)


def text_of(registry: CollectorRegistry) -> bytes:
    """The figures of this process, now; takes as long as the collectors do."""
    return generate_latest(registry)


def with_worker(registry: CollectorRegistry, worker_says: Callable[[], bytes]) -> bytes:
    """The figures of this process, and what the worker beside it said of its own last.

    The names in both differ.
    """
    return text_of(registry) + worker_says()
