"""A service's parts for tests that need few of them."""

from __future__ import annotations

from typing import Any, cast

from corpus.registry.database.engine import Registry
from corpus.settings import Settings
from service.parts import ServiceParts


def parts_with(registry: Registry, settings: Settings | None = None) -> ServiceParts:
    """Parts with this registry and no store, embedding or LLM; whoever touches those fails."""
    nothing = cast("Any", None)
    return ServiceParts(
        settings=settings or Settings(),
        registry=registry,
        originals=nothing,
        store=nothing,
        embedding=nothing,
        sentence_embedding=nothing,
        llm=None,
        reranker=None,
        wake_worker=lambda: None,
        dependencies=(),
        page_pictures=nothing,
    )
