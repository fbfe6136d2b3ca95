"""An LLM with patience and its limits: tries again, waits in line, leaves a dead endpoint alone."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn, TypeVar

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    LLMMetadata,
)
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.llms import LLM, CustomLLM

from corpus.errors import LlmUnavailable
from corpus.tracing import UNTRACED, Tracing
from service.llm.breaker import CircuitBreaker
from service.llm.failures import Failure, failure_of
from service.llm.measuring import measured_call
from service.llm.retry import pause_before_retry
from service.measures import NOT_MEASURED, ServiceMeasures

_log = logging.getLogger(__name__)

_Reply = TypeVar("_Reply")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a call waits for its first token, in seconds.

    Waiting in line and all tries are part of it. The rest of a stream is its reader's to bound. At
    most `max_tries` requests are sent for one call, and `concurrency` calls run at the same time.
    """

    first_token_s: float
    max_tries: int
    concurrency: int


class GuardedLlm(CustomLLM):
    """`llm`, asked within `limits`; whatever goes wrong is LlmUnavailable. For one event loop.

    A failure that may pass is tried again until the first token has come, said or thought, with
    pauses that honour `Retry-After` and stay within the time budget. `away` are the errors of the
    client library of `llm` for an endpoint that is not there; its own retries must be off. Calls
    are refused at once while `breaker` is open: too many in a row had no first token. Only the
    streamed chat is offered. `measures` is told of every call, which is a span of `tracing`.
    """

    _llm: LLM = PrivateAttr()
    _limits: Limits = PrivateAttr()
    _away: tuple[type[Exception], ...] = PrivateAttr()
    _breaker: CircuitBreaker = PrivateAttr()
    _places: asyncio.Semaphore = PrivateAttr()
    _measures: ServiceMeasures = PrivateAttr()
    _tracing: Tracing = PrivateAttr()
    _sleep: Callable[[float], Awaitable[None]] = PrivateAttr()
    _jitter: Callable[[], float] = PrivateAttr()

    def __init__(
        self,
        llm: LLM,
        limits: Limits,
        *,
        away: tuple[type[Exception], ...],
        breaker: CircuitBreaker | None = None,
        measures: ServiceMeasures = NOT_MEASURED,
        tracing: Tracing = UNTRACED,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        super().__init__()
        self._llm = llm
        self._limits = limits
        self._away = away
        self._breaker = breaker or CircuitBreaker()
        self._places = asyncio.Semaphore(limits.concurrency)
        self._measures = measures
        self._tracing = tracing
        self._sleep = sleep
        self._jitter = jitter

    @classmethod
    def class_name(cls) -> str:
        """Name by which LlamaIndex shows this LLM."""
        return "GuardedLlm"

    def beside(self, llm: LLM) -> GuardedLlm:
        """Another model at the same endpoint.

        Both wait in one line, and one breaker watches: it is the endpoint that is busy, or away.
        """
        other = GuardedLlm(
            llm,
            self._limits,
            away=self._away,
            breaker=self._breaker,
            measures=self._measures,
            tracing=self._tracing,
            sleep=self._sleep,
            jitter=self._jitter,
        )
        other._places = self._places
        return other

    @property
    def is_failing(self) -> bool:
        """Whether the endpoint failed so often that it is left alone, but for a trial at times."""
        return self._breaker.is_failing

    @property
    def metadata(self) -> LLMMetadata:
        """That of the LLM inside."""
        return self._llm.metadata

    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: object
    ) -> ChatResponseAsyncGen:
        """The reply's events. Nothing is sent before the first is asked for.

        Errors, while they are read: LlmUnavailable, also in the middle.
        """
        return measured_call(self._events(messages, kwargs), self._measures, self._tracing)

    async def _events(
        self, messages: Sequence[ChatMessage], kwargs: Mapping[str, object]
    ) -> AsyncGenerator[ChatResponse, None]:
        deadline_s = asyncio.get_running_loop().time() + self._limits.first_token_s
        async with self._place(deadline_s):
            early, later = await self._patiently(
                lambda: _begun(self._llm, messages, kwargs), deadline_s
            )
            for event in early:
                yield event
            try:
                async for event in later:
                    yield event
            except Exception as error:  # noqa: BLE001 - a client library is anybody's code
                _give_up(self._failure(error), error)

    @asynccontextmanager
    async def _place(self, deadline_s: float) -> AsyncIterator[None]:
        """One of the places that limit concurrency, if the endpoint is to be asked at all."""
        if self._breaker.is_open:
            raise _left_alone()
        try:
            async with asyncio.timeout_at(deadline_s):
                await self._places.acquire()
        except TimeoutError as error:
            _log.warning("No call of the LLM ended in time for the next one.")
            raise LlmUnavailable(
                f"{self._limits.concurrency} other calls of the LLM took too long."
            ) from error
        try:
            if not self._breaker.admits():  # others may have failed while this one waited
                raise _left_alone()
            yield
        finally:
            self._places.release()

    async def _patiently(self, call: Callable[[], Awaitable[_Reply]], deadline_s: float) -> _Reply:
        loop = asyncio.get_running_loop()
        tries = 0
        while True:
            tries += 1
            try:
                async with asyncio.timeout_at(deadline_s) as budget:
                    reply = await call()
            except Exception as error:  # noqa: BLE001 - a client library is anybody's code
                failure = Failure("no token in time", is_passing=True)
                if not budget.expired():
                    failure = self._failure(error)
                pause_s = pause_before_retry(
                    failure,
                    tries=tries,
                    max_tries=self._limits.max_tries,
                    left_s=deadline_s - loop.time(),
                    jitter=self._jitter(),
                )
                if pause_s is None:
                    self._note(failure)
                    _give_up(failure, error)
                _log.info("The LLM is asked again in %.1f s: %s", pause_s, failure.kind)
            else:
                self._breaker.succeeded()
                return reply
            await self._sleep(pause_s)

    def _failure(self, error: Exception) -> Failure:
        return failure_of(error, self._away, datetime.now(UTC))

    def _note(self, failure: Failure) -> None:
        if not failure.is_passing:
            self._breaker.succeeded()  # it answered; what was wrong is this request, or its key
            return
        self._breaker.failed()
        if self._breaker.is_open:
            _log.warning("The LLM failed several times in a row, and is left alone for a while.")

    def complete(self, prompt: str, formatted: bool = False, **kwargs: object) -> NoReturn:
        """Not offered, as all that LlamaIndex builds on it: it would block the event loop."""
        raise NotImplementedError("ask with astream_chat")

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: object) -> NoReturn:
        """Not offered, as `complete`."""
        raise NotImplementedError("ask with astream_chat")


async def _begun(
    llm: LLM, messages: Sequence[ChatMessage], kwargs: Mapping[str, object]
) -> tuple[list[ChatResponse], ChatResponseAsyncGen]:
    """A reply's events up to the first that says or thinks something, and the rest of them."""
    events = await llm.astream_chat(messages, **kwargs)
    early: list[ChatResponse] = []
    async for event in events:
        early.append(event)
        thought = event.additional_kwargs.get("thinking_delta")
        if event.delta or thought or event.message.additional_kwargs.get("thinking_delta"):
            break
    return early, events


def _left_alone() -> LlmUnavailable:
    return LlmUnavailable("The LLM failed several times in a row, and is left alone for a while.")


def _give_up(failure: Failure, error: Exception) -> NoReturn:
    _log.warning("The LLM call failed: %s", failure.kind)
    raise LlmUnavailable(f"The LLM gave no usable answer ({failure.kind}).") from error
