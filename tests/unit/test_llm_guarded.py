from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    LLMMetadata,
)
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.llms import CustomLLM

from corpus.errors import LlmUnavailable
from service.llm.breaker import CircuitBreaker
from service.llm.guarded import GuardedLlm, Limits
from service.llm.stream import MAX_REPLY_CHARS, LlmStream

ASKED = [ChatMessage(content="What does the anchor weigh?")]
PATIENCE_S = 20.0


class AwayError(Exception):
    """Nobody answers."""


class RefusedError(Exception):
    """The request is refused, as it would be again."""

    status_code = 400


@dataclass(frozen=True)
class Held:
    """Says `first`, waits for `gate`, then says `then` or raises it."""

    gate: asyncio.Event
    first: str = ""
    then: Exception | str = "late"


class DrivenLlm(CustomLLM):
    """An LLM that a test drives: each call does what the next outcome says, the last one again.

    An outcome is what it says, raises, or holds back. `calls` counts the calls begun, `open` those
    that have not ended, `peak` the most of them at a time; `until` waits for what they are to be.
    """

    _outcomes: list[Exception | str | Held] = PrivateAttr()
    _changed: asyncio.Condition = PrivateAttr(default_factory=asyncio.Condition)
    _calls: int = PrivateAttr(default=0)
    _open: int = PrivateAttr(default=0)
    _peak: int = PrivateAttr(default=0)

    def __init__(self, *outcomes: Exception | str | Held) -> None:
        super().__init__()
        self._outcomes = list(outcomes)

    @property
    def calls(self) -> int:
        return self._calls

    @property
    def open(self) -> int:
        return self._open

    @property
    def peak(self) -> int:
        return self._peak

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S), self._changed:
            await self._changed.wait_for(is_so)

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="driven")

    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: object
    ) -> ChatResponseAsyncGen:
        return self._said()

    async def _said(self) -> AsyncGenerator[ChatResponse, None]:
        outcome = self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]
        await self._count(1)
        try:
            if isinstance(outcome, Held):
                yield _event(outcome.first)
                await outcome.gate.wait()
                outcome = outcome.then
            if isinstance(outcome, Exception):
                raise outcome
            yield _event(outcome)
        finally:
            await self._count(-1)

    async def _count(self, step: int) -> None:
        self._calls += max(step, 0)
        self._open += step
        self._peak = max(self._peak, self._open)
        async with self._changed:
            self._changed.notify_all()

    def complete(self, prompt: str, formatted: bool = False, **kwargs: object) -> NoReturn:
        raise NotImplementedError

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: object) -> NoReturn:
        raise NotImplementedError


def _event(text: str) -> ChatResponse:
    return ChatResponse(message=ChatMessage(content=text), delta=text)


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def guarded(
    llm: DrivenLlm,
    breaker: CircuitBreaker | None = None,
    *,
    first_token_s: float = PATIENCE_S,
    max_tries: int = 1,
    concurrency: int = 8,
) -> GuardedLlm:
    limits = Limits(first_token_s, max_tries, concurrency)
    return GuardedLlm(llm, limits, away=(AwayError,), breaker=breaker, jitter=lambda: 0.0)


async def said(llm: GuardedLlm) -> str:
    pieces = LlmStream(llm, ASKED, timeout_s=PATIENCE_S).pieces()
    return "".join([piece async for piece in pieces])


async def fail(llm: GuardedLlm, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(LlmUnavailable):
            await said(llm)


def test_no_more_calls_run_than_there_are_places() -> None:
    async def crowd() -> None:
        gate = asyncio.Event()
        llm = DrivenLlm(Held(gate))
        guard = guarded(llm, concurrency=2)
        asking = [asyncio.create_task(said(guard)) for _ in range(5)]
        await llm.until(lambda: llm.open == 2)
        gate.set()
        assert await asyncio.gather(*asking) == ["late"] * 5
        assert (llm.calls, llm.peak, llm.open) == (5, 2, 0)

    asyncio.run(crowd())


def test_models_of_one_endpoint_share_its_places_and_its_breaker() -> None:
    async def crowd() -> None:
        gate = asyncio.Event()
        llm, another = DrivenLlm(Held(gate)), DrivenLlm(Held(gate))
        breaker = CircuitBreaker(failures=1)
        guard = guarded(llm, breaker, concurrency=1)
        beside = guard.beside(another)
        asking = [asyncio.create_task(said(one)) for one in (guard, beside)]
        await llm.until(lambda: llm.open == 1)
        assert another.open == 0
        gate.set()
        assert await asyncio.gather(*asking) == ["late"] * 2
        assert (llm.calls, another.calls) == (1, 1)
        await fail(guarded(DrivenLlm(AwayError()), breaker))
        await fail(beside)
        assert another.calls == 1  # left alone, as its endpoint is

    asyncio.run(crowd())


@pytest.mark.parametrize("first", ["", "so "])
def test_who_leaves_gives_the_place_back(first: str) -> None:
    async def leave() -> None:
        llm = DrivenLlm(Held(asyncio.Event(), first), "now")
        breaker = CircuitBreaker(failures=1)
        guard = guarded(llm, breaker, concurrency=1)
        leaving = asyncio.create_task(said(guard))
        await llm.until(lambda: llm.open == 1)
        waiting = asyncio.create_task(said(guard))
        leaving.cancel()
        assert await waiting == "now"
        assert not breaker.is_open  # leaving says nothing about the endpoint

    asyncio.run(leave())


def test_who_leaves_the_line_takes_no_place() -> None:
    async def leave() -> None:
        gate = asyncio.Event()
        llm = DrivenLlm(Held(gate), "now")
        guard = guarded(llm, concurrency=1)
        first = asyncio.create_task(said(guard))
        await llm.until(lambda: llm.open == 1)
        leaving = asyncio.create_task(said(guard))
        for _ in range(10):  # turns of the loop, after which it stands in line
            await asyncio.sleep(0)
        leaving.cancel()
        gate.set()
        assert await first == "late"
        assert await said(guard) == "now"

    asyncio.run(leave())


def test_waiting_in_line_is_part_of_the_time_to_the_first_token() -> None:
    async def wait() -> None:
        gate = asyncio.Event()
        llm = DrivenLlm(Held(gate, "so "))
        breaker = CircuitBreaker(failures=1)
        guard = guarded(llm, breaker, concurrency=1, first_token_s=0.05)
        pieces = LlmStream(guard, ASKED, timeout_s=PATIENCE_S).pieces()
        assert await anext(pieces) == "so "
        with pytest.raises(LlmUnavailable, match="other calls"):
            await said(guard)
        assert llm.calls == 1
        assert not breaker.is_open  # the line is ours
        gate.set()
        assert [piece async for piece in pieces] == ["late"]  # it had its first token in time

    asyncio.run(wait())


def test_an_endpoint_that_is_away_is_left_alone_until_one_trial_succeeds() -> None:
    async def outage() -> None:
        clock = Clock()
        llm = DrivenLlm(*[AwayError()] * 4, "back")
        guard = guarded(llm, CircuitBreaker(failures=3, open_s=30.0, now=clock))
        await fail(guard, times=9)
        assert llm.calls == 3
        clock.now_s += 30
        await fail(guard, times=9)
        assert llm.calls == 4
        clock.now_s += 30
        assert [await said(guard), await said(guard)] == ["back", "back"]

    asyncio.run(outage())


def test_while_one_call_tries_the_others_are_refused() -> None:
    async def trial() -> None:
        clock = Clock()
        gate = asyncio.Event()
        llm = DrivenLlm(AwayError(), Held(gate))
        guard = guarded(llm, CircuitBreaker(failures=1, open_s=30.0, now=clock))
        await fail(guard)
        clock.now_s += 30
        trying = asyncio.create_task(said(guard))
        await llm.until(lambda: llm.open == 1)
        await fail(guard, times=3)
        assert llm.calls == 2
        gate.set()
        assert await trying == "late"
        assert await said(guard) == "late"

    asyncio.run(trial())


def test_who_stood_in_line_when_it_failed_does_not_ask_it_too() -> None:
    async def line() -> None:
        gate = asyncio.Event()
        llm = DrivenLlm(Held(gate, then=AwayError()))
        guard = guarded(llm, CircuitBreaker(failures=1), concurrency=1)
        asking = [asyncio.create_task(said(guard)) for _ in range(4)]
        await llm.until(lambda: llm.open == 1)
        gate.set()
        outcomes = await asyncio.gather(*asking, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [LlmUnavailable] * 4
        assert llm.calls == 1

    asyncio.run(line())


def test_silence_counts_as_a_failure() -> None:
    breaker = CircuitBreaker(failures=1)
    guard = guarded(DrivenLlm(Held(asyncio.Event())), breaker, first_token_s=0.05)
    asyncio.run(fail(guard))
    assert breaker.is_open


@pytest.mark.parametrize("outcome", [RefusedError(), ValueError("another protocol")])
def test_an_endpoint_that_refuses_a_request_is_not_away(outcome: Exception) -> None:
    breaker = CircuitBreaker(failures=1)
    asyncio.run(fail(guarded(DrivenLlm(outcome), breaker), times=3))
    assert not breaker.is_open


def test_a_reply_that_breaks_off_is_not_tried_again_and_not_held_against_the_endpoint() -> None:
    async def break_off() -> None:
        gate = asyncio.Event()
        gate.set()
        breaker = CircuitBreaker(failures=1)
        llm = DrivenLlm(Held(gate, "so ", AwayError()))
        await fail(guarded(llm, breaker, max_tries=3))
        assert llm.calls == 1
        assert not breaker.is_open

    asyncio.run(break_off())


def test_a_reply_without_end_is_cut_off() -> None:
    asyncio.run(fail(guarded(DrivenLlm("x" * (MAX_REPLY_CHARS + 1)))))


def test_it_is_only_asked_in_a_chat_that_does_not_block() -> None:
    with pytest.raises(NotImplementedError):
        guarded(DrivenLlm("yes")).chat(ASKED)


@given(
    st.lists(st.sampled_from([AwayError(), RefusedError(), ValueError(), "text", ""]), min_size=1),
    st.integers(1, 3),
)
@settings(deadline=None)
def test_every_call_has_an_outcome_and_gives_its_place_back(
    outcomes: list[Exception | str], max_tries: int
) -> None:
    async def ask() -> None:
        llm = DrivenLlm(*outcomes)
        guard = guarded(llm, max_tries=max_tries, concurrency=2)
        ended = await asyncio.gather(*[said(guard) for _ in range(6)], return_exceptions=True)
        assert all(isinstance(one, str | LlmUnavailable) for one in ended)
        assert llm.peak <= 2
        assert llm.open == 0

    asyncio.run(ask())
