"""Where a question stands in a conversation, and keeping what was answered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from sqlalchemy import Connection

from corpus.errors import CollectionNotFound, InvalidRequest, StorageUnavailable
from corpus.registry.conversations import begin_conversation, find_conversation
from corpus.registry.database.engine import Registry
from corpus.registry.locks import hold_collection
from corpus.registry.turns import turns_of
from service.answering.response import STOPPED, AnswerDone, AnswerEvents, CitationMade, TextPiece
from service.conversations.past import MAX_TURNS, PastTurn, past_turns

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A conversation about one collection, and its last turns, first to last.

    `conversation_id` is None where the caller keeps the conversation.
    """

    collection: str
    conversation_id: str | None = None
    past: Sequence[PastTurn] = ()


def begin_dialogue(
    registry: Registry, collection: str, *, title: str, must_exist: bool
) -> Dialogue:
    """Begin a conversation about the collection; `CollectionNotFound` where it must exist."""
    with registry.write() as connection:
        if not hold_collection(connection, collection) and must_exist:
            raise CollectionNotFound(f"There is no collection {collection!r}.")
        return Dialogue(collection, begin_conversation(connection, collection, title))


def go_on(connection: Connection, conversation_id: str, collection: str | None) -> Dialogue:
    """Go on with a conversation.

    Raises ConversationNotFound, and InvalidRequest when it is about another collection than the
    one that is named.
    """
    conversation = find_conversation(connection, conversation_id)
    turns = turns_of(connection, conversation_id, last=MAX_TURNS)
    if collection not in {None, conversation.collection}:
        raise InvalidRequest(
            f"The conversation is about the collection {conversation.collection!r}.",
            hint="Begin another conversation, without conversation_id.",
        )
    return Dialogue(conversation.collection, conversation_id, past_turns(turns))


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
            stopped = AnswerDone("partial", "".join(said), citations=made, degraded=(STOPPED,))
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
