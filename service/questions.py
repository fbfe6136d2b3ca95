"""Asking: one question through the query engine, or through retrieval alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import cast

from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index.core.vector_stores.types import MetadataFilters

from corpus.declared_fields import DeclaredFields
from corpus.errors import CollectionNotFound, SourcesChanged
from corpus.registry.declarations import declared_fields
from corpus.registry.documents import collection_exists, find_page_texts
from corpus.values import PageText
from service.answering.engine import build_query_engine
from service.answering.extractive import ExtractiveSynthesizer
from service.answering.response import AnswerDone, AnswerEvents, CitedResponse
from service.answering.still_live import while_live
from service.answering.synthesizer import GroundedSynthesizer, answer_of
from service.answering.widening import Place, ReadPages
from service.parts import ServiceParts
from service.retrieval.live_nodes import LiveNodesOnly
from service.retrieval.ranking import RankedInContext
from service.retrieval.reranking import RERANKED, Reranked
from service.retrieval.retriever import HybridRetriever
from service.retrieval.selection import Selection, select_nodes

# Uploading makes a collection, but this one may be asked before anything was uploaded.
DEFAULT_COLLECTION = "default"

# A name in `degraded`: passages are in the order in which they were found.
RERANKER_UNAVAILABLE = "reranker_unavailable"

# How often one answer is made, at most, when its sources change under it.
MAX_ANSWERS = 3


@dataclass(frozen=True, slots=True)
class Question:
    """A question to one collection; `top_k` passages are used at most."""

    text: str
    collection: str
    top_k: int
    filters: MetadataFilters | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Live nodes, best first, how long finding them took, and what was missing for it."""

    nodes: list[NodeWithScore]
    retrieval_ms: float
    degraded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerBegun:
    """An answer on its way: read `events` once; closing them stops the work.

    `degraded` names what was missing to find its passages.
    """

    events: AnswerEvents
    started_s: float
    retrieval_ms: float
    degraded: tuple[str, ...] = ()


async def search(parts: ServiceParts, question: Question) -> Found:
    """Retrieve without answering."""
    started_s = time.perf_counter()
    selection = await asyncio.to_thread(_select, parts, question)
    reranked = _reranked(parts, question)
    engine = _engine(parts, question, selection, reranked)
    nodes = await engine.aretrieve(QueryBundle(question.text))
    return Found(nodes, since_ms(started_s), _degraded(reranked))


async def ask(parts: ServiceParts, question: Question) -> AnswerBegun:
    """Retrieve, and begin to answer.

    Raises `CollectionNotFound`, `IndexUnavailable` or `EmbeddingUnavailable`; what goes wrong
    later is raised while the events are read, `SourcesChanged` for instance.
    """
    started_s = time.perf_counter()
    selection = await asyncio.to_thread(_select, parts, question)
    reranked = _reranked(parts, question)
    engine = _engine(parts, question, selection, reranked)
    response = cast("CitedResponse", await engine.aquery(QueryBundle(question.text)))
    events = while_live(response.events(), response.source_nodes, selection.live_versions)
    return AnswerBegun(events, started_s, since_ms(started_s), _degraded(reranked))


async def answer(parts: ServiceParts, question: Question) -> tuple[AnswerBegun, AnswerDone]:
    """Retrieve and answer, anew when a source is deleted or replaced before the answer is done.

    Errors as `ask`; `SourcesChanged` when that happens `MAX_ANSWERS` times.
    """
    for _ in range(MAX_ANSWERS - 1):
        with suppress(SourcesChanged):
            return await _answer_once(parts, question)
    return await _answer_once(parts, question)


async def _answer_once(parts: ServiceParts, question: Question) -> tuple[AnswerBegun, AnswerDone]:
    begun = await ask(parts, question)
    async with aclosing(begun.events) as events:
        return begun, await answer_of(events)


def since_ms(started_s: float) -> float:
    """Milliseconds since a `time.perf_counter()`, to a tenth."""
    return round((time.perf_counter() - started_s) * 1000, 1)


def declared_fields_of(parts: ServiceParts, collection: str) -> DeclaredFields:
    """What a filter of questions to this collection may ask for; `CollectionNotFound`."""
    _require_collection(parts, collection)
    with parts.registry.read() as connection:
        return declared_fields(connection, collection)


def _select(parts: ServiceParts, question: Question) -> Selection:
    _require_collection(parts, question.collection)
    return select_nodes(parts.registry, question.collection, question.filters)


def _engine(
    parts: ServiceParts, question: Question, selection: Selection, reranked: Reranked | None
) -> RetrieverQueryEngine:
    live = selection.live_versions
    ranked_k = question.top_k if reranked is None else max(question.top_k, RERANKED)
    return build_query_engine(
        HybridRetriever(
            parts.store,
            parts.embedding,
            collection=question.collection,
            live_versions=live,
            filters=selection.filters,
            top_k=question.top_k,
        ),
        [
            LiveNodesOnly(live),
            RankedInContext(top_k=ranked_k),
            *([] if reranked is None else [reranked]),
        ],
        _synthesizer(parts),
    )


def _reranked(parts: ServiceParts, question: Question) -> Reranked | None:
    if parts.reranker is None:
        return None
    return Reranked(
        parts.reranker, top_k=question.top_k, timeout_s=parts.settings.reranker_timeout_s
    )


def _degraded(reranked: Reranked | None) -> tuple[str, ...]:
    return (RERANKER_UNAVAILABLE,) if reranked is not None and reranked.is_degraded else ()


def _read_pages_of(parts: ServiceParts) -> ReadPages:
    def read(places: Collection[Place]) -> Mapping[Place, PageText]:
        with parts.registry.read() as connection:
            return find_page_texts(connection, places)

    return read


def _synthesizer(parts: ServiceParts) -> GroundedSynthesizer:
    extractive = ExtractiveSynthesizer(
        parts.sentence_embedding, embedded_languages=parts.settings.embedded_languages
    )
    if parts.llm is None:
        return extractive
    # Not at the top: it loads the client of the LLM, half a second that extractive mode saves.
    from service.answering.written import WrittenSynthesizer  # noqa: PLC0415

    return WrittenSynthesizer(
        parts.llm,
        extractive,
        read_pages=_read_pages_of(parts),
        timeout_s=parts.settings.llm_timeout_s,
    )


def _require_collection(parts: ServiceParts, name: str) -> None:
    if name == DEFAULT_COLLECTION:
        return
    with parts.registry.read() as connection:
        if not collection_exists(connection, name):
            raise CollectionNotFound(f"There is no collection {name!r}.")
