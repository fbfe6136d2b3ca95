"""One question through the query engine, to an answer that is kept."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import cast
from uuid import uuid4

from llama_index.core.schema import QueryBundle

from corpus.errors import SourcesChanged
from service.answering.events import (
    NOT_FOUND_SENTENCE,
    AnswerDone,
    AnswerEvents,
    CitedResponse,
    Degraded,
    TextPiece,
)
from service.answering.synthesizer import answer_of
from service.asking.keeping import kept
from service.asking.measuring import measured
from service.asking.preparing import Prepared, prepare
from service.asking.question import Keeping, Question
from service.asking.retrieving import Retrieval
from service.asking.still_live import while_live
from service.asking.suggesting import Suggesting
from service.asking.synthesizers import synthesizer_with
from service.asking.timing import since_ms
from service.asking.turn import keep_answer
from service.parts import ServiceParts
from service.retrieval.selection import select_nodes

# How often one answer is made, at most, when its sources change under it.
MAX_ANSWERS = 3


@dataclass(frozen=True, slots=True)
class AnswerBegun:
    """An answer on its way: read `events` once; closing them stops the work."""

    answer_id: str
    prepared: Prepared
    events: AnswerEvents
    timings_ms: Mapping[str, float]


async def begin(parts: ServiceParts, prepared: Prepared, *, is_streamed: bool) -> AnswerBegun:
    """Retrieve, and begin to answer; the answer is kept when it is done.

    Raises `IndexUnavailable` or `EmbeddingUnavailable`; what goes wrong later is raised while the
    events are read, `SourcesChanged` for instance.
    """
    retrieving_s = time.perf_counter()
    answer_id = str(uuid4())
    collection = prepared.dialogue.collection
    reader = prepared.question.reader
    selection = await asyncio.to_thread(
        select_nodes, parts.registry, collection, prepared.filters, reader
    )
    retrieval = Retrieval(parts, collection, selection, top_k=prepared.top_k)
    # An LLM that is away was waited for once: the next call would take as long again.
    llm = None if prepared.understood.llm_failed else prepared.llm
    engine = retrieval.engine(synthesizer_with(parts, llm, prepared.persona))
    bundle = QueryBundle(prepared.understood.text)
    response = cast("CitedResponse", await engine.aquery(bundle))
    parts.measures.retrieved(time.perf_counter() - retrieving_s)
    timings_ms = {**prepared.timings_ms, "retrieval": since_ms(retrieving_s)}
    before = [turn.standalone_question for turn in prepared.dialogue.past]
    asked = [prepared.understood.text, prepared.question.text, *before]
    suggesting = Suggesting(
        parts,
        collection,
        reader,
        selection,
        asked,
        bundle.embedding,
        response.source_nodes,
        prepared.llm,
    )
    degraded = [*_without_voice(prepared), *retrieval.degraded]
    events = _completed(response.events(), degraded, prepared.understood.usage, suggesting)
    if prepared.question.keeping is not Keeping.NOTHING:
        keep = partial(
            keep_answer,
            parts.registry,
            answer_id,
            prepared,
            retrieval,
            response.source_nodes,
            bundle.embedding,
            timings_ms,
        )
        events = kept(events, keep, is_streamed=is_streamed)
    # The last word before an event is given out, however long the steps before it took.
    live = while_live(events, response.source_nodes, selection.live_versions)
    told = measured(live, parts.measures, parts.tracing, started_s=prepared.started_s)
    return AnswerBegun(answer_id, prepared, told, timings_ms)


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


def _without_voice(prepared: Prepared) -> list[Degraded]:
    """What is missing for an answer in the words, and the voice, that were asked for."""
    missing = [Degraded.LLM_UNAVAILABLE] if prepared.understood.llm_failed else []
    if prepared.llm is None and not prepared.persona.is_blank:
        missing.append(Degraded.PERSONA_NEEDS_LLM)
    return missing


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
