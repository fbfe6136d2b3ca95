"""Asking: one question through the query engine, or through retrieval alone."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import Enum, auto
from functools import partial
from typing import Any, cast
from uuid import uuid4

import numpy as np
from llama_index.core.llms import LLM
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index.core.vector_stores.types import MetadataFilters
from sqlalchemy import Connection

from corpus.errors import CollectionNotFound, PersonaFixed, SourcesChanged
from corpus.registry.collections import settings_of
from corpus.registry.documents import live_versions
from corpus.registry.engine import Registry
from corpus.registry.turns import keep_turn
from corpus.turns import Turn
from corpus.values import CollectionSettings
from service.answering.persona import Persona
from service.answering.response import (
    NOT_FOUND_SENTENCE,
    AnswerDone,
    AnswerEvents,
    CitedResponse,
    TextPiece,
)
from service.answering.still_live import CHANGED, while_live
from service.answering.synthesizer import answer_of
from service.asking.querying import Querying
from service.asking.suggesting import Suggesting
from service.conversations.condensing import Understood, understand
from service.conversations.dialogue import Dialogue, begin_dialogue, go_on, kept
from service.conversations.past import PastTurn
from service.llm.short_replies import SHORT_REPLY_SHARE
from service.parts import ServiceParts
from service.retrieval.filters import parse_filters
from service.retrieval.live_nodes import LiveNodesOnly, find_dead
from service.retrieval.rewriting import rewrite
from service.retrieval.selection import Selection, select_nodes

# Uploading makes a collection, but this one may be asked before anything was uploaded.
DEFAULT_COLLECTION = "default"

# How often one answer is made, at most, when its sources change under it.
MAX_ANSWERS = 3

# How many passages are found, or answered from, where neither the question nor its collection says.
SEARCH_TOP_K = 10
ANSWER_TOP_K = 8


class Keeping(Enum):
    """What is kept of a question: the answer as a turn, the answer by itself, or nothing."""

    CONVERSATION = auto()
    ANSWER = auto()
    NOTHING = auto()


@dataclass(frozen=True, slots=True)
class Question:
    """A question to one collection.

    With a `conversation_id` it goes on from what was said there; `collection` may then be None,
    which is the conversation's, and otherwise the default one. `filters` are as the caller wrote
    them: only the collection tells what they mean. `past` is what was said before, where the
    caller keeps the conversation. At most `top_k` passages are used. `persona` and `top_k` None are
    the collection's.
    """

    text: str
    collection: str | None
    top_k: int | None = None
    filters: Mapping[str, Any] | None = None
    conversation_id: str | None = None
    keeping: Keeping = Keeping.CONVERSATION
    past: tuple[PastTurn, ...] = ()
    persona: Persona | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Live nodes, best first, how long finding them took, and what was missing for it."""

    nodes: list[NodeWithScore]
    retrieval_ms: float
    degraded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A question that is understood and has its place; `timings_ms` has what that took.

    `llm` answers it, from `top_k` passages.
    """

    question: Question
    filters: MetadataFilters | None
    persona: Persona
    llm: LLM | None
    top_k: int
    dialogue: Dialogue
    understood: Understood
    started_s: float
    timings_ms: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class AnswerBegun:
    """An answer on its way: read `events` once; closing them stops the work."""

    answer_id: str
    prepared: Prepared
    events: AnswerEvents
    timings_ms: Mapping[str, float]


async def search(parts: ServiceParts, question: Question) -> Found:
    """Retrieve without answering. Errors as `ask`."""
    started_s = time.perf_counter()
    collection = question.collection or DEFAULT_COLLECTION

    def select() -> tuple[CollectionSettings, Selection]:
        with parts.registry.read() as connection:
            settings = _settings_of(connection, collection)
        filters = parse_filters(question.filters, settings.metadata_fields)
        return settings, select_nodes(parts.registry, collection, filters)

    settings, selection = await asyncio.to_thread(select)
    top_k = question.top_k or settings.top_k or SEARCH_TOP_K
    querying = Querying(parts, collection, selection, llm=parts.llm, top_k=top_k)
    nodes = await querying.engine.aretrieve(QueryBundle(question.text))
    # Ranking takes a moment, a reranker seconds: what was deleted meanwhile is no hit.
    nodes = await LiveNodesOnly(selection.live_versions).apostprocess_nodes(nodes)
    return Found(nodes, since_ms(started_s), querying.degraded)


async def prepare(parts: ServiceParts, question: Question) -> Prepared:
    """Find the question's conversation, or begin one, and make it stand alone.

    Raises `ConversationNotFound`, `CollectionNotFound`, `InvalidFilter`, `PersonaFixed` or
    `InvalidRequest`.
    """
    started_s = time.perf_counter()
    settings, filters, dialogue = await asyncio.to_thread(_open, parts.registry, question)
    opened_ms = since_ms(started_s)
    llm = parts.llm_named(settings.llm_model)
    timeout_s = SHORT_REPLY_SHARE * parts.settings.llm_timeout_s
    understood = await understand(llm, question.text, dialogue.past, timeout_s=timeout_s)
    timings_ms = {"conversation": opened_ms}
    if dialogue.past:
        timings_ms["understanding"] = round(since_ms(started_s) - opened_ms, 1)
    return Prepared(
        question,
        filters,
        persona=question.persona or Persona(**settings.persona),
        llm=llm,
        top_k=question.top_k or settings.top_k or ANSWER_TOP_K,
        dialogue=dialogue,
        understood=understood,
        started_s=started_s,
        timings_ms=timings_ms,
    )


async def begin(parts: ServiceParts, prepared: Prepared, *, is_streamed: bool) -> AnswerBegun:
    """Retrieve, and begin to answer; the answer is kept when it is done.

    Raises `IndexUnavailable` or `EmbeddingUnavailable`; what goes wrong later is raised while the
    events are read, `SourcesChanged` for instance.
    """
    retrieving_s = time.perf_counter()
    answer_id = str(uuid4())
    collection = prepared.dialogue.collection
    selection = await asyncio.to_thread(select_nodes, parts.registry, collection, prepared.filters)
    querying = Querying(
        parts,
        collection,
        selection,
        llm=prepared.llm,
        top_k=prepared.top_k,
        persona=prepared.persona,
        # It was waited for once: the next call would take as long again.
        without_llm=prepared.understood.llm_failed,
    )
    bundle = QueryBundle(prepared.understood.text)
    response = cast("CitedResponse", await querying.engine.aquery(bundle))
    timings_ms = {**prepared.timings_ms, "retrieval": since_ms(retrieving_s)}
    before = [turn.standalone_question for turn in prepared.dialogue.past]
    asked = [prepared.understood.text, prepared.question.text, *before]
    suggesting = Suggesting(
        parts, collection, selection, asked, bundle.embedding, response.source_nodes, prepared.llm
    )
    events = _completed(response.events(), querying.degraded, prepared.understood.usage, suggesting)
    if prepared.question.keeping is not Keeping.NOTHING:
        keep = partial(
            _keep,
            parts.registry,
            answer_id,
            prepared,
            querying,
            response.source_nodes,
            bundle.embedding,
            timings_ms,
        )
        events = kept(events, keep, is_streamed=is_streamed)
    # The last word before an event is given out, however long the steps before it took.
    live = while_live(events, response.source_nodes, selection.live_versions)
    return AnswerBegun(answer_id, prepared, live, timings_ms)


async def ask(parts: ServiceParts, question: Question) -> AnswerBegun:
    """Prepare the question and begin to answer it; errors as both."""
    return await begin(parts, await prepare(parts, question), is_streamed=True)


async def answer(parts: ServiceParts, question: Question) -> tuple[AnswerBegun, AnswerDone]:
    """Retrieve and answer, anew when a source is deleted or replaced before the answer is done.

    Errors as `ask`; `SourcesChanged` when that happens `MAX_ANSWERS` times.
    """
    prepared = await prepare(parts, question)
    for _ in range(MAX_ANSWERS - 1):
        with suppress(SourcesChanged):
            return await _answer_once(parts, prepared)
    return await _answer_once(parts, prepared)


async def _answer_once(parts: ServiceParts, prepared: Prepared) -> tuple[AnswerBegun, AnswerDone]:
    begun = await begin(parts, prepared, is_streamed=False)
    async with aclosing(begun.events) as events:
        return begun, await answer_of(events)


def since_ms(started_s: float) -> float:
    """Milliseconds since a `time.perf_counter()`, to a tenth."""
    return round((time.perf_counter() - started_s) * 1000, 1)


def _open(
    registry: Registry, question: Question
) -> tuple[CollectionSettings, MetadataFilters | None, Dialogue]:
    with registry.read() as connection:
        if question.conversation_id is None:
            dialogue = Dialogue(question.collection or DEFAULT_COLLECTION, past=question.past)
        else:
            dialogue = go_on(connection, question.conversation_id, question.collection)
        settings = _settings_of(connection, dialogue.collection)
    filters = parse_filters(question.filters, settings.metadata_fields)
    if question.persona is not None and settings.persona_is_fixed:
        raise PersonaFixed("This collection answers with a persona of its own.")
    if question.conversation_id is None and question.keeping is Keeping.CONVERSATION:
        dialogue = begin_dialogue(
            registry,
            dialogue.collection,
            title=question.text,
            must_exist=dialogue.collection != DEFAULT_COLLECTION,
        )
    return settings, filters, dialogue


def _settings_of(connection: Connection, collection: str) -> CollectionSettings:
    settings = settings_of(connection, collection)
    if settings is not None:
        return settings
    if collection != DEFAULT_COLLECTION:
        raise CollectionNotFound(f"There is no collection {collection!r}.")
    return CollectionSettings()


async def _completed(
    events: AnswerEvents,
    degraded: Sequence[str],
    usage: Mapping[str, int],
    suggesting: Suggesting,
) -> AnswerEvents:
    """The events; their end also says what was missing and used before, and what is related."""
    async with suggesting, aclosing(events) as answer:
        async for event in answer:
            if isinstance(event, TextPiece) and event.text != NOT_FOUND_SENTENCE:
                suggesting.begin()
            if isinstance(event, AnswerDone):
                related = await suggesting.found()
                event = replace(  # noqa: PLW2901
                    event,
                    degraded=(*degraded, *event.degraded),
                    usage=dict(Counter(usage) + Counter(event.usage) + Counter(related.usage)),
                    related=tuple(related.questions),
                )
            yield event


def _keep(
    registry: Registry,
    answer_id: str,
    prepared: Prepared,
    querying: Querying,
    nodes: Sequence[NodeWithScore],
    embedding: Sequence[float] | None,
    timings_ms: Mapping[str, float],
    done: AnswerDone,
) -> None:
    dialogue, question = prepared.dialogue, prepared.question
    # What a caller keeps to itself is not for others; nor what only its filters make answerable.
    is_for_others = (
        done.state == "answered"
        and question.keeping is Keeping.CONVERSATION
        and not question.filters
        and embedding is not None
    )
    read = {found.node.metadata["document_id"] for found in nodes}
    # A follow-up may say what was told before: it goes with the documents of that, too.
    said_before = {one for turn in dialogue.past for one in turn.document_ids}
    turn = Turn(
        id=answer_id,
        conversation_id=dialogue.conversation_id,
        collection=dialogue.collection,
        question=question.text,
        standalone_question=prepared.understood.text,
        created_at=datetime.now(UTC),
        # Suggested questions speak of other answers' documents.
        reply={**done.as_json(), "related_questions": []},
        trace={
            "filters": dict(question.filters or {}),
            "top_k": prepared.top_k,
            "searched_for": asdict(rewrite(prepared.understood.text)),
            "stages": querying.stages,
            "evidence": None if done.evidence is None else asdict(done.evidence),
            "prompt": done.prompt,
            "timings_ms": {**timings_ms, "total": since_ms(prepared.started_s)},
        },
        document_ids=frozenset(read | said_before),
        embedding=np.asarray(embedding, dtype=np.float32).tobytes() if is_for_others else None,
    )
    with registry.write() as connection:
        if find_dead(nodes, lambda ids: live_versions(connection, ids)).node_count:
            raise SourcesChanged(CHANGED)
        keep_turn(connection, turn)
