"""An answer is measured while it is read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import aclosing

from corpus.tracing import Tracing
from service.answering.events import AnswerDone, AnswerEvents, TextPiece
from service.measures import MeasuredAnswer, ServiceMeasures


async def measured(
    events: AnswerEvents, measures: ServiceMeasures, tracing: Tracing, *, started_s: float
) -> AnswerEvents:
    """The events; `measures` is told once, before the end is given out or when there is none.

    `started_s` is the `time.perf_counter()` at which the question came in.
    """
    end_span = tracing.begin("answer")
    first_text_s: float | None = None
    is_told = False

    def tell(
        state: str, degraded: tuple[str, ...] = (), usage: Mapping[str, int] | None = None
    ) -> None:
        nonlocal is_told
        if not is_told:
            is_told = True
            total_s = time.perf_counter() - started_s
            answer = MeasuredAnswer(state, degraded, usage or {}, first_text_s, total_s)
            measures.answered(answer)

    try:
        async with aclosing(events) as answer:
            async for event in answer:
                if isinstance(event, TextPiece) and first_text_s is None:
                    first_text_s = time.perf_counter() - started_s
                if isinstance(event, AnswerDone):
                    tell(event.state, event.degraded, event.usage)
                yield event
    except (GeneratorExit, asyncio.CancelledError):
        tell("stopped")
        raise
    except Exception:
        tell("failed")
        raise
    finally:
        end_span()
