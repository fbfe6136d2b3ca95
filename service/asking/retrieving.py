"""Retrieval for one question, made of the service's parts; it notes what it finds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import BaseSynthesizer
from llama_index.core.schema import NodeWithScore, QueryBundle

from service.answering.events import Degraded
from service.parts import ServiceParts
from service.retrieval.context_ranking import RankedInContext
from service.retrieval.live_nodes import LiveNodesOnly, LiveVersions
from service.retrieval.noting import Noted
from service.retrieval.reranking import RERANKED, Reranked
from service.retrieval.retriever import HybridRetriever
from service.retrieval.selection import Selection


class Retrieval:
    """Use it once, by `nodes` or as part of an engine; then `stages` and `degraded` tell how."""

    def __init__(
        self, parts: ServiceParts, collection: str, selection: Selection, *, top_k: int
    ) -> None:
        self._stages: list[dict[str, Any]] = []
        self._reranked: Reranked | None = None
        live = _remembered(selection.live_versions)
        ranked_k = top_k if parts.reranker is None else max(top_k, RERANKED)
        self._steps: list[BaseNodePostprocessor] = [
            *_struck(live, self._stages, hides_the_rest=selection.is_for_few),
            RankedInContext(top_k=ranked_k),
            Noted("ranked", self._stages),
        ]
        if parts.reranker is not None:
            timeout_s = parts.settings.reranker_timeout_s
            self._reranked = Reranked(parts.reranker, top_k=top_k, timeout_s=timeout_s)
            self._steps += [self._reranked, Noted("reranked", self._stages)]
        self._retriever = HybridRetriever(
            parts.store,
            parts.embedding,
            collection=collection,
            live_versions=live,
            filters=selection.filters,
            top_k=top_k,
            tracing=parts.tracing,
        )

    def engine(self, synthesizer: BaseSynthesizer) -> RetrieverQueryEngine:
        """The query engine that answers from what is retrieved."""
        return RetrieverQueryEngine(
            retriever=self._retriever,
            node_postprocessors=self._steps,
            response_synthesizer=synthesizer,
            callback_manager=synthesizer.callback_manager,
        )

    async def nodes(self, query: QueryBundle) -> list[NodeWithScore]:
        """At most `top_k` nodes, best first."""
        found = await self._retriever.aretrieve(query)
        for step in self._steps:
            found = await step.apostprocess_nodes(found, query)
        return found

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
    def degraded(self) -> tuple[Degraded, ...]:
        """Whether the reranker was missing."""
        is_missing = self._reranked is not None and self._reranked.is_degraded
        return (Degraded.RERANKER_UNAVAILABLE,) if is_missing else ()


def _struck(
    live: LiveVersions, stages: list[dict[str, Any]], *, hides_the_rest: bool
) -> list[BaseNodePostprocessor]:
    """What was found, without what is not live.

    `hides_the_rest`: whoever asks is not told of what they may not read that it was found.
    """
    found, struck = Noted("found", stages), LiveNodesOnly(live)
    first = (struck, found) if hides_the_rest else (found, struck)
    return [*first, Noted("live", stages)]


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
