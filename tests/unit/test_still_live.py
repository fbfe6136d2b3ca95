"""An answer ends when what it stands on is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

import pytest
from llama_index.core.schema import NodeWithScore

from corpus.errors import SourcesChanged
from service.answering.events import AnswerDone, AnswerEvents, TextPiece
from service.asking.still_live import while_live
from tests.samples.corpus import node_of

NODES = [NodeWithScore(node=node_of("Acme grew.")), NodeWithScore(node=node_of("It sank."))]


class Registry:
    """Says what is live; after `calls` questions, another version is."""

    def __init__(self, calls: int) -> None:
        self._left = calls

    def __call__(self, document_ids: Collection[str], /) -> Mapping[str, int]:
        self._left -= 1
        return dict.fromkeys(document_ids, 1 if self._left >= 0 else 2)


class Answer:
    """Three events; notes whether it was closed."""

    def __init__(self) -> None:
        self.is_closed = False

    async def events(self) -> AnswerEvents:
        try:
            yield TextPiece("Acme ")
            yield TextPiece("grew.")
            yield AnswerDone("answered", "Acme grew.")
        finally:
            self.is_closed = True


async def read(answer: Answer, registry: Registry) -> list[object]:
    return [event async for event in while_live(answer.events(), NODES, registry)]


def test_while_all_is_live_the_answer_is_as_it_was() -> None:
    found = asyncio.run(read(Answer(), Registry(3)))
    assert found == [TextPiece("Acme "), TextPiece("grew."), AnswerDone("answered", "Acme grew.")]


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_it_ends_before_the_first_event_that_comes_too_late(calls: int) -> None:
    answer = Answer()
    with pytest.raises(SourcesChanged):
        asyncio.run(read(answer, Registry(calls)))
    assert answer.is_closed
