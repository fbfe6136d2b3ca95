"""Questions to go on with, looked for while an answer is made."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from llama_index.core.llms import LLM
from llama_index.core.schema import NodeWithScore, QueryBundle

from corpus.access import Reader
from corpus.errors import StorageUnavailable, Unavailable
from service.answering.evidence import is_enough
from service.answering.passages import passages_from
from service.asking.proposals import MAX_PROPOSED, Proposed, propose
from service.asking.related import MAX_RELATED, related_questions
from service.asking.retrieving import Retrieval
from service.asking.synthesizers import extractive_synthesizer
from service.llm.short_replies import SHORT_REPLY_SHARE
from service.parts import ServiceParts
from service.retrieval.selection import Selection

log = logging.getLogger(__name__)

# Proposals are waited for so long after an answer that is complete.
GRACE_S = 1.0


class Suggesting:
    """Those that others asked of the collection, then those that the LLM proposes.

    `asked` is the question as it is understood, then in other words, and those before it: none of
    them is suggested. A context that looks from its beginning, and ends what is still looked for.
    `llm` is asked, where there is one, from `begin` on: once an answer's text comes, so that the
    answer's own call goes first, and none is made for an answer that is withheld.
    """

    def __init__(
        self,
        parts: ServiceParts,
        collection: str,
        reader: Reader,
        selection: Selection,
        asked: Sequence[str],
        embedding: Sequence[float] | None,
        nodes: Sequence[NodeWithScore],
        llm: LLM | None,
    ) -> None:
        self._parts = parts
        self._collection = collection
        self._reader = reader
        self._selection = selection
        self._known = asked
        self._embedding = embedding
        self._nodes = nodes
        self._llm = llm
        self._looking: asyncio.Task[list[str]] | None = None
        self._proposing: asyncio.Task[Proposed] | None = None

    def begin(self) -> None:
        """Ask the LLM, once, where it is to propose."""
        is_wanted = self._parts.settings.suggestions == "llm" and self._llm is not None
        if is_wanted and self._proposing is None and self._nodes:
            self._proposing = asyncio.create_task(self._proposed())

    async def found(self) -> Proposed:
        """What there is by now, and what is proposed within `GRACE_S`; no answer fails for it."""
        asked = await self._looking if self._looking else []
        if self._proposing is None or len(asked) >= MAX_RELATED:
            return Proposed(asked)
        await asyncio.wait({self._proposing}, timeout=GRACE_S)
        if not self._proposing.done():
            return Proposed(asked)
        if error := self._proposing.exception():
            log.error("no proposed questions", exc_info=error)
            return Proposed(asked)
        proposed = self._proposing.result()
        new = [one for one in proposed.questions if one not in asked]
        return Proposed([*asked, *new][:MAX_RELATED], proposed.usage)

    async def __aenter__(self) -> Self:
        if self._embedding is not None and self._parts.settings.suggestions != "off":
            self._looking = asyncio.create_task(self._asked(self._embedding))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in (self._looking, self._proposing):
            if task is not None:
                task.cancel()

    async def _asked(self, embedding: Sequence[float]) -> list[str]:
        registry = self._parts.registry
        try:
            return await asyncio.to_thread(
                related_questions, registry, self._collection, self._reader, embedding, self._known
            )
        except StorageUnavailable as error:
            log.warning("no related questions: %s", error.detail)
            return []

    async def _proposed(self) -> Proposed:
        parts = self._parts
        if self._llm is None:
            return Proposed()
        timeout_s = SHORT_REPLY_SHARE * parts.settings.llm_timeout_s
        passages = passages_from(self._nodes)
        proposed = await propose(self._llm, self._known[0], passages, timeout_s=timeout_s)
        new = [one for one in proposed.questions if one not in self._known]
        try:
            holding = [one for one in new if await self._is_answerable(one)]
        except Unavailable:
            holding = []
        return Proposed(holding, proposed.usage)

    async def _is_answerable(self, question: str) -> bool:
        retrieval = Retrieval(self._parts, self._collection, self._selection, top_k=MAX_PROPOSED)
        bundle = QueryBundle(question)
        passages = passages_from(await retrieval.nodes(bundle))
        judged = await extractive_synthesizer(self._parts).judge(bundle, passages)
        return is_enough(judged.evidence)
