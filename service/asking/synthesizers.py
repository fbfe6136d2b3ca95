"""Which synthesizer answers: the LLM's, or the one that quotes."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from llama_index.core.llms import LLM

from corpus.registry.database.engine import Registry
from corpus.registry.documents import find_page_texts
from corpus.values import PageText
from service.answering.quoting.extractive import ExtractiveSynthesizer
from service.answering.synthesizer import GroundedSynthesizer
from service.answering.writing.persona import Persona
from service.answering.writing.widening import Place, ReadPages
from service.parts import ServiceParts


def extractive_synthesizer(parts: ServiceParts) -> ExtractiveSynthesizer:
    """Quotes the best sentences, and judges the evidence that they are."""
    return ExtractiveSynthesizer(
        parts.sentence_embedding, embedded_languages=parts.settings.embedded_languages
    )


def synthesizer_with(parts: ServiceParts, llm: LLM | None, persona: Persona) -> GroundedSynthesizer:
    """What `llm` writes in that voice, or for None the extractive one."""
    extractive = extractive_synthesizer(parts)
    if llm is None:
        return extractive
    # Not at the top: it loads the client of the LLM, half a second that extractive mode saves.
    from service.answering.writing.written import WrittenSynthesizer  # noqa: PLC0415

    return WrittenSynthesizer(
        llm,
        extractive,
        read_pages=_read_pages_of(parts.registry),
        timeout_s=parts.settings.llm_timeout_s,
        persona=persona,
    )


def _read_pages_of(registry: Registry) -> ReadPages:
    def read(places: Collection[Place]) -> Mapping[Place, PageText]:
        with registry.read() as connection:
            return find_page_texts(connection, places)

    return read
