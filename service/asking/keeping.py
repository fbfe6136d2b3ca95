"""An answer is kept as a turn once it ends, before its end is given out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing

from corpus.errors import StorageUnavailable
from service.answering.events import AnswerDone, AnswerEvents, CitationMade, Degraded, TextPiece

_log = logging.getLogger(__name__)


async def kept(
    events: AnswerEvents, keep: Callable[[AnswerDone], None], *, is_streamed: bool
) -> AnswerEvents:
    """The events, and `keep` called in a thread with the end of them, before it is given out.

    Of a streamed answer that is stopped, `keep` gets what was said until then. One that fails is
    not kept. When the registry is away that is logged, and the answer goes on; what else `keep`
    raises is raised.
    """
    said: list[str] = []
    citations: list[CitationMade] = []
    try:
        async with aclosing(events) as answer:
            async for event in answer:
                match event:
                    case TextPiece(text):
                        said.append(text)
                    case CitationMade():
                        citations.append(event)
                    case AnswerDone():
                        said.clear()
                        # Whoever leaves now leaves a whole answer.
                        await asyncio.shield(_started(keep, event))
                yield event
    except (GeneratorExit, asyncio.CancelledError):
        if said and is_streamed:
            # Nothing can be awaited here for long: whoever stopped it does not wait.
            made = tuple(one.citation for one in citations)
            stopped = AnswerDone(
                "partial", "".join(said), citations=made, degraded=(Degraded.STOPPED,)
            )
            _started(keep, stopped)
        raise


_running: set[asyncio.Task[None]] = set()


def _started(keep: Callable[[AnswerDone], None], done: AnswerDone) -> asyncio.Task[None]:
    task = asyncio.get_running_loop().create_task(asyncio.to_thread(_keep, keep, done))
    _running.add(task)
    task.add_done_callback(_ended)
    return task


def _ended(task: asyncio.Task[None]) -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()):
        _log.info("An answer was not kept: %s", error)


def _keep(keep: Callable[[AnswerDone], None], done: AnswerDone) -> None:
    try:
        keep(done)
    except StorageUnavailable as error:
        _log.warning("An answer could not be kept: %s", error.detail)
