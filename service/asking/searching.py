"""Finding passages without answering."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from llama_index.core.schema import NodeWithScore, QueryBundle

from corpus.values import CollectionSettings
from service.asking.preparing import settings_for
from service.asking.question import DEFAULT_COLLECTION, SEARCH_TOP_K, Question
from service.asking.retrieving import Retrieval
from service.asking.timing import since_ms
from service.parts import ServiceParts
from service.retrieval.filters import parse_filters
from service.retrieval.live_nodes import LiveNodesOnly
from service.retrieval.selection import Selection, select_nodes


@dataclass(frozen=True, slots=True)
class Found:
    """Live nodes, best first, how long finding them took, and what was missing for it."""

    nodes: list[NodeWithScore]
    retrieval_ms: float
    degraded: tuple[str, ...] = ()


async def search(parts: ServiceParts, question: Question) -> Found:
    """Retrieve without answering. Errors as `ask`."""
    started_s = time.perf_counter()
    collection = question.collection or DEFAULT_COLLECTION

    def select() -> tuple[CollectionSettings, Selection]:
        with parts.registry.read() as connection:
            settings = settings_for(connection, collection, question.reader)
        filters = parse_filters(question.filters, settings.metadata_fields)
        return settings, select_nodes(parts.registry, collection, filters, question.reader)

    settings, selection = await asyncio.to_thread(select)
    top_k = question.top_k or settings.top_k or SEARCH_TOP_K
    retrieval = Retrieval(parts, collection, selection, top_k=top_k)
    nodes = await retrieval.nodes(QueryBundle(question.text))
    # Ranking takes a moment, a reranker seconds: what was deleted meanwhile is no hit.
    nodes = await LiveNodesOnly(selection.live_versions).apostprocess_nodes(nodes)
    parts.measures.retrieved(time.perf_counter() - started_s)
    return Found(nodes, since_ms(started_s), retrieval.degraded)
