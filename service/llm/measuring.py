"""A call of the LLM is measured while its reply is read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from llama_index.core.base.llms.types import ChatResponse

from corpus.tracing import Tracing
from service.measures import LlmOutcome, ServiceMeasures


async def measured_call(
    events: AsyncGenerator[ChatResponse, None], measures: ServiceMeasures, tracing: Tracing
) -> AsyncGenerator[ChatResponse, None]:
    """The events; `measures` is told when they end, fail, or are read no further."""
    end_span = tracing.begin("llm")
    started_s = time.perf_counter()
    first_token_s: float | None = None
    outcome: LlmOutcome = "ok"
    try:
        async with aclosing(events) as reply:
            async for event in reply:
                if first_token_s is None:
                    first_token_s = time.perf_counter() - started_s
                yield event
    except (GeneratorExit, asyncio.CancelledError):
        outcome = "stopped"
        raise
    except Exception:
        outcome = "failed"
        raise
    finally:
        total_s = time.perf_counter() - started_s
        measures.llm_called(outcome, first_token_s=first_token_s, total_s=total_s)
        end_span()
