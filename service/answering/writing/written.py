"""Answers written by an LLM from the passages, checked and cited by us."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from functools import partial

from llama_index.core.llms import LLM
from llama_index.core.schema import QueryBundle

from corpus.errors import LlmUnavailable
from service.answering.events import AnswerDone, AnswerEvents, Degraded, not_in_documents
from service.answering.evidence import is_hopeless
from service.answering.passages import Passage
from service.answering.quoting.extractive import (
    ExtractiveSynthesizer,
    Judged,
    nearest,
    quoted_answer,
)
from service.answering.quoting.weighing import has_words_enough
from service.answering.synthesizer import GroundedSynthesizer
from service.answering.writing.draft import Draft
from service.answering.writing.persona import NO_PERSONA, Persona
from service.answering.writing.prompts import answer_messages, fit_to_context, spare_tokens
from service.answering.writing.widening import ReadPages, place_of, widened
from service.llm.stream import LlmStream


class WrittenSynthesizer(GroundedSynthesizer):
    """Streams the model's text as it comes, with server-made citation numbers.

    Without evidence the model is not asked. When it cannot be reached, or says nothing, the answer
    is `extractive`'s, with `llm_unavailable` in `degraded`; when it breaks off, what was written
    stays, as `partial` with `llm_interrupted`. `timeout_s` bounds the whole call of the model, in
    seconds. The model reads the passages widened on their pages, which `read_pages` gives, as far
    as its context has room, and writes as `persona` has it. Closing the events closes the call.
    """

    def __init__(
        self,
        llm: LLM,
        extractive: ExtractiveSynthesizer,
        *,
        read_pages: ReadPages,
        timeout_s: float,
        persona: Persona = NO_PERSONA,
    ) -> None:
        super().__init__(llm)
        self._extractive = extractive
        self._read_pages = read_pages
        self._timeout_s = timeout_s
        self._persona = persona

    async def answer_events(self, query: QueryBundle, passages: Sequence[Passage]) -> AnswerEvents:
        """Judge the evidence, ask the model, check what it writes while it writes.

        Ranking sentences costs more than all the rest; where the words of a passage tell that the
        question is not hopeless, it is left for answers that end without the model's text.
        """
        judged: Judged | None = None
        if not await asyncio.to_thread(has_words_enough, query.query_str, passages):
            judged = await self._extractive.judge(query, passages)
        if judged is not None and is_hopeless(judged.evidence):
            answer = self._not_told(judged)
        else:
            answer = self._written(query, passages, judged)
        async with aclosing(answer) as events:
            async for event in events:
                yield event

    @property
    def _model_name(self) -> str:
        return self._llm.metadata.model_name

    async def _written(
        self, query: QueryBundle, passages: Sequence[Passage], judged: Judged | None
    ) -> AnswerEvents:
        read = await asyncio.to_thread(self._to_read, query.query_str, passages)
        messages = answer_messages(query.query_str, read, self._persona)
        stream = LlmStream(self._llm, messages, timeout_s=self._timeout_s)
        draft = Draft(read)
        is_interrupted = False
        try:
            async with aclosing(stream.pieces()) as pieces:
                async for piece in pieces:
                    for event in draft.feed(piece):
                        yield event
                    if draft.abstained:
                        break
        except LlmUnavailable:
            is_interrupted = True
        if draft.answer or not is_interrupted:
            for event in draft.finish():
                yield event
        prompt = tuple((str(one.role.value), one.content or "") for one in messages)
        if draft.answer and not draft.abstained:
            yield AnswerDone(
                "partial" if is_interrupted else draft.state(),
                draft.answer,
                citations=draft.citations,
                unsupported=draft.unsupported,
                degraded=(Degraded.LLM_INTERRUPTED,) if is_interrupted else (),
                usage=stream.usage,
                model=self._model_name,
                evidence=None if judged is None else judged.evidence,
                prompt=prompt,
            )
            return
        judged = judged or await self._extractive.judge(query, passages)
        ending = (
            self._not_told(judged, usage=stream.usage, prompt=prompt)
            if draft.abstained
            else quoted_answer(judged, degraded=[Degraded.LLM_UNAVAILABLE], prompt=prompt)
        )
        async with aclosing(ending) as events:
            async for last in events:
                yield last

    def _to_read(self, question: str, passages: Sequence[Passage]) -> list[Passage]:
        fit = partial(
            fit_to_context,
            question,
            context_tokens=self._llm.metadata.context_window,
            persona=self._persona,
        )
        fitting = fit(passages)
        pages = self._read_pages({place_of(passage) for passage in fitting})
        spare = spare_tokens(
            question,
            fitting,
            context_tokens=self._llm.metadata.context_window,
            persona=self._persona,
        )
        return fit(widened(fitting, pages, spare_tokens=spare))

    def _not_told(
        self,
        judged: Judged,
        *,
        usage: Mapping[str, int] | None = None,
        prompt: tuple[tuple[str, str], ...] = (),
    ) -> AnswerEvents:
        return not_in_documents(
            nearest=nearest(judged.ranked),
            usage=usage,
            model=self._model_name,
            evidence=judged.evidence,
            prompt=prompt,
        )
