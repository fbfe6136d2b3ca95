"""A question finds its conversation, and is made to stand alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from llama_index.core.llms import LLM
from llama_index.core.vector_stores.types import MetadataFilters
from sqlalchemy import Connection

from corpus.access import Reader, collection_not_found
from corpus.errors import PersonaFixed, SourcesChanged
from corpus.registry.collections import settings_of
from corpus.registry.database.engine import Registry
from corpus.registry.documents import live_versions
from corpus.values import CollectionSettings
from service.answering.writing.persona import Persona
from service.asking.question import ANSWER_TOP_K, DEFAULT_COLLECTION, Keeping, Question
from service.asking.timing import since_ms
from service.conversations.condensing import Understood, understand
from service.conversations.dialogue import Dialogue, begin_dialogue, go_on
from service.llm.short_replies import SHORT_REPLY_SHARE
from service.parts import ServiceParts
from service.retrieval.filters import parse_filters


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


async def prepare(parts: ServiceParts, question: Question) -> Prepared:
    """Find the question's conversation, or begin one, and make it stand alone.

    Raises `ConversationNotFound`, `CollectionNotFound`, `InvalidFilter`, `PersonaFixed`,
    `InvalidRequest`, or `SourcesChanged` where a document of what was said before went meanwhile.
    """
    started_s = time.perf_counter()
    settings, filters, dialogue = await asyncio.to_thread(_open, parts.registry, question)
    opened_ms = since_ms(started_s)
    llm = parts.llm_named(settings.llm_model)
    timeout_s = SHORT_REPLY_SHARE * parts.settings.llm_timeout_s
    understood = await understand(llm, question.text, dialogue.past, timeout_s=timeout_s)
    await asyncio.to_thread(_require_past, parts.registry, dialogue, question.reader)
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


def _open(
    registry: Registry, question: Question
) -> tuple[CollectionSettings, MetadataFilters | None, Dialogue]:
    with registry.read() as connection:
        if question.conversation_id is None:
            dialogue = Dialogue(question.collection or DEFAULT_COLLECTION, past=question.past)
        else:
            dialogue = go_on(
                connection, question.conversation_id, question.collection, question.reader
            )
        settings = settings_for(connection, dialogue.collection, question.reader)
    filters = parse_filters(question.filters, settings.metadata_fields)
    if question.persona is not None and settings.persona_is_fixed:
        raise PersonaFixed("This collection answers with a persona of its own.")
    if question.conversation_id is None and question.keeping is Keeping.CONVERSATION:
        begun = begin_dialogue(
            registry,
            dialogue.collection,
            title=question.text,
            owner=question.reader.owner,
            must_exist=dialogue.collection != DEFAULT_COLLECTION,
        )
        dialogue = replace(begun, past=question.past)
    return settings, filters, dialogue


def _require_past(registry: Registry, dialogue: Dialogue, reader: Reader) -> None:
    """What was said before has gone into the question: raise `SourcesChanged` if it may not."""
    spoken_of = {one for turn in dialogue.past for one in turn.document_ids}
    if not spoken_of:
        return
    with registry.read() as connection:
        if spoken_of - live_versions(connection, spoken_of, reader).keys():
            raise SourcesChanged("A document that was spoken of before was deleted or changed.")


def settings_for(connection: Connection, collection: str, reader: Reader) -> CollectionSettings:
    """How the collection is set up; `CollectionNotFound`, but for the default one."""
    reader.require(collection)
    settings = settings_of(connection, collection)
    if settings is not None:
        return settings
    if collection != DEFAULT_COLLECTION:
        raise collection_not_found(collection)
    return CollectionSettings()
