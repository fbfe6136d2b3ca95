"""Deletions and replacements that happen while an answer is made take effect on it too."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

from llama_index.core.schema import NodeWithScore

from corpus.errors import SourcesChanged
from service.answering.events import AnswerEvents
from service.retrieval.live_nodes import LiveVersions, find_dead

CHANGED = "A document that this answer stands on was deleted, replaced or changed."


async def while_live(
    events: AnswerEvents, nodes: Sequence[NodeWithScore], live_versions: LiveVersions
) -> AnswerEvents:
    """The events of an answer made from `nodes`, each while all of them are live.

    Asked of the registry right before each event is given out (a millisecond), because an LLM may
    take a minute. Raises `SourcesChanged` at the first that must not be: whatever the answer says
    may come from any of the nodes.
    """
    async with aclosing(events) as answer:
        async for event in answer:
            if (await asyncio.to_thread(find_dead, nodes, live_versions)).node_count:
                raise SourcesChanged(CHANGED)
            yield event
