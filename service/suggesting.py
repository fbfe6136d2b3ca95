"""Questions to go on with, looked for while an answer is made."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from llama_index.core.schema import NodeWithScore, QueryBundle

from corpus.errors import StorageUnavailable, Unavailable
from service.answering.evidence import is_enough
from service.answering.passages import passages_from
from service.conversations.proposals import MAX_PROPOSED, Proposed, propose
from service.conversations.related import MAX_RELATED, related_questions
from service.parts import ServiceParts
from service.querying import Querying, extractive_synthesizer
from service.retrieval.selection import Selection

if TYPE_CHECKING:
    from service.questions import Prepared

log = logging.getLogger(__name__)

# Proposals are waited for so long after an answer that is complete.
GRACE_S = 1.0
# The answer needs most of the model's time.
SHARE_OF_TIMEOUT = 0.25


class Suggesting:
    """Those that others asked of the collection, then those that the LLM proposes.

    Used as a context that ends what is still looked for. The LLM is asked from `begin` on: once an
    answer's text comes, so that the answer's own call goes first, and none is made for an answer
    that is withheld.
    """

    def __init__(
        self,
        parts: ServiceParts,
        prepared: Prepared,
        selection: Selection,
        embedding: Sequence[float] | None,
        nodes: Sequence[NodeWithScore],
    ) -> None:
        self._parts = parts
        self._prepared = prepared
        self._selection = selection
        self._embedding = embedding
        self._nodes = nodes
        self._proposing: asyncio.Task[Proposed] | None = None

    def begin(self) -> None:
        """Ask the LLM, once, where it is to propose."""
        is_wanted = self._parts.settings.suggestions == "llm" and self._parts.llm is not None
        if is_wanted and self._proposing is None and self._nodes:
            self._proposing = asyncio.create_task(self._proposed())

    async def found(self) -> Proposed:
        """What there is by now, and what is proposed within `GRACE_S`; no answer fails for it."""
        asked = await self._asked()
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
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._proposing is not None:
            self._proposing.cancel()

    @property
    def _known(self) -> list[str]:
        """The question, and those before it."""
        prepared = self._prepared
        before = [turn.standalone_question for turn in prepared.dialogue.past]
        return [prepared.question.text, prepared.understood.text, *before]

    async def _asked(self) -> list[str]:
        if self._embedding is None or self._parts.settings.suggestions == "off":
            return []
        collection = self._prepared.dialogue.collection
        try:
            return await asyncio.to_thread(
                related_questions, self._parts.registry, collection, self._embedding, self._known
            )
        except StorageUnavailable as error:
            log.warning("no related questions: %s", error.detail)
            return []

    async def _proposed(self) -> Proposed:
        parts, question = self._parts, self._prepared.understood.text
        if parts.llm is None:
            return Proposed()
        timeout_s = SHARE_OF_TIMEOUT * parts.settings.llm_timeout_s
        passages = passages_from(self._nodes)
        proposed = await propose(parts.llm, question, passages, timeout_s=timeout_s)
        new = [one for one in proposed.questions if one not in self._known]
        try:
            holding = [one for one in new if await self._is_answerable(one)]
        except Unavailable:
            holding = []
        return Proposed(holding, proposed.usage)

    async def _is_answerable(self, question: str) -> bool:
        collection = self._prepared.dialogue.collection
        querying = Querying(self._parts, collection, self._selection, top_k=MAX_PROPOSED)
        bundle = QueryBundle(question)
        passages = passages_from(await querying.engine.aretrieve(bundle))
        judged = await extractive_synthesizer(self._parts).judge(bundle, passages)
        return is_enough(judged.evidence)
