"""The query engine for one question, made of the service's parts; it notes what it finds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from llama_index.core.llms import LLM
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine

from corpus.registry.database.engine import Registry
from corpus.registry.documents import find_page_texts
from corpus.values import PageText
from service.answering.extractive import ExtractiveSynthesizer
from service.answering.persona import NO_PERSONA, PERSONA_NEEDS_LLM, Persona
from service.answering.response import LLM_UNAVAILABLE
from service.answering.synthesizer import GroundedSynthesizer
from service.answering.widening import Place, ReadPages
from service.parts import ServiceParts
from service.retrieval.context_ranking import RankedInContext
from service.retrieval.live_nodes import LiveNodesOnly, LiveVersions
from service.retrieval.noting import Noted
from service.retrieval.reranking import RERANKED, Reranked
from service.retrieval.retriever import HybridRetriever
from service.retrieval.selection import Selection

# A name in `degraded`: passages are in the order in which they were found.
RERANKER_UNAVAILABLE = "reranker_unavailable"


class Querying:
    """Use `engine` once; then `stages` and `degraded` tell how it went.

    `llm` writes the answer; None in extractive mode. `without_llm`: it was found to be away, and
    sentences are quoted.
    """

    def __init__(
        self,
        parts: ServiceParts,
        collection: str,
        selection: Selection,
        *,
        llm: LLM | None,
        top_k: int,
        persona: Persona = NO_PERSONA,
        without_llm: bool = False,
    ) -> None:
        self._stages: list[dict[str, Any]] = []
        self._is_without_llm = without_llm
        self._has_no_voice = llm is None and not persona.is_blank
        self._reranked: Reranked | None = None
        live = _remembered(selection.live_versions)
        ranked_k = top_k if parts.reranker is None else max(top_k, RERANKED)
        steps: list[BaseNodePostprocessor] = [
            Noted("found", self._stages),
            LiveNodesOnly(live),
            Noted("live", self._stages),
            RankedInContext(top_k=ranked_k),
            Noted("ranked", self._stages),
        ]
        if parts.reranker is not None:
            timeout_s = parts.settings.reranker_timeout_s
            self._reranked = Reranked(parts.reranker, top_k=top_k, timeout_s=timeout_s)
            steps += [self._reranked, Noted("reranked", self._stages)]
        self._retriever = HybridRetriever(
            parts.store,
            parts.embedding,
            collection=collection,
            live_versions=live,
            filters=selection.filters,
            top_k=top_k,
        )
        synthesizer = _synthesizer(parts, None if without_llm else llm, persona)
        self.engine = RetrieverQueryEngine(
            retriever=self._retriever,
            node_postprocessors=steps,
            response_synthesizer=synthesizer,
            callback_manager=synthesizer.callback_manager,
        )

    @property
    def stages(self) -> list[dict[str, Any]]:
        """What each step left, as `Noted` has it, in order.

        The steps are `found` by the index, `live` by the registry, `ranked`, and `reranked` where
        there is a reranker. Candidates found also have `dense` (cosine) and `sparse` (BM25).
        """
        for candidate in self._stages[0]["candidates"] if self._stages else ():
            dense, sparse = self._retriever.halves.get(candidate["node_id"], (None, None))
            candidate |= {"dense": dense, "sparse": sparse}
        return self._stages

    @property
    def degraded(self) -> tuple[str, ...]:
        """What was missing: `llm_unavailable`, `persona_needs_llm`, `reranker_unavailable`."""
        missing = [LLM_UNAVAILABLE] if self._is_without_llm else []
        if self._has_no_voice:
            missing.append(PERSONA_NEEDS_LLM)
        if self._reranked is not None and self._reranked.is_degraded:
            missing.append(RERANKER_UNAVAILABLE)
        return tuple(missing)


def _remembered(live: LiveVersions) -> LiveVersions:
    """Asks once about each document: the steps of one retrieval follow each other in a moment."""
    asked: set[str] = set()
    known: dict[str, int] = {}

    def remembered(document_ids: Collection[str]) -> Mapping[str, int]:
        if unknown := set(document_ids) - asked:
            known.update(live(unknown))
            asked.update(unknown)
        return known

    return remembered


def _read_pages_of(registry: Registry) -> ReadPages:
    def read(places: Collection[Place]) -> Mapping[Place, PageText]:
        with registry.read() as connection:
            return find_page_texts(connection, places)

    return read


def extractive_synthesizer(parts: ServiceParts) -> ExtractiveSynthesizer:
    """Quotes the best sentences, and judges the evidence that they are."""
    return ExtractiveSynthesizer(
        parts.sentence_embedding, embedded_languages=parts.settings.embedded_languages
    )


def _synthesizer(parts: ServiceParts, llm: LLM | None, persona: Persona) -> GroundedSynthesizer:
    extractive = extractive_synthesizer(parts)
    if llm is None:
        return extractive
    # Not at the top: it loads the client of the LLM, half a second that extractive mode saves.
    from service.answering.written import WrittenSynthesizer  # noqa: PLC0415

    return WrittenSynthesizer(
        llm,
        extractive,
        read_pages=_read_pages_of(parts.registry),
        timeout_s=parts.settings.llm_timeout_s,
        persona=persona,
    )
