"""Questions to go on with: those that were answered here before and are close to this one.

A question is suggested while every document its answer may stand on is there, unchanged since: then
the answer holds, and whoever may read the documents may see the question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpus.access import Reader
from corpus.registry.database.engine import Registry
from corpus.registry.turns import asked_questions, holding_answers
from corpus.turns import AskedQuestion

MAX_RELATED = 3
# The last ones that were asked: their embeddings are 1.5 kB each.
LOOKED_AT = 300
# Whether an answer holds is asked only of so many: it takes longer than all the rest.
LOOKED_INTO = 20
# Closer than this, it is the same question in other words; further away, another subject.
SAME = 0.93
NEAR = 0.45


def related_questions(
    registry: Registry,
    collection: str,
    reader: Reader,
    embedding: Sequence[float],
    known: Sequence[str],
) -> list[str]:
    """At most `MAX_RELATED` questions, closest first, none that says what `known` ones do.

    `embedding` is the question's, `known` are it and those before it. Blocks: call it in a thread.
    """
    said = {_folded(one) for one in known}
    with registry.read() as connection:
        asked = asked_questions(connection, collection, limit=LOOKED_AT)
        near = [one for one in _near(asked, embedding) if _folded(one.question) not in said]
        near = near[:LOOKED_INTO]
        holding = holding_answers(connection, [one.answer_id for one in near], reader)
    chosen: list[_Near] = []
    for one in near:
        is_new = all(one.vector @ other.vector < SAME for other in chosen)
        if is_new and one.answer_id in holding:
            chosen.append(one)
    return [one.question for one in chosen[:MAX_RELATED]]


def lately_asked(registry: Registry, collection: str, reader: Reader, *, limit: int) -> list[str]:
    """The last questions whose answers hold for the reader, each once. Blocks."""
    with registry.read() as connection:
        asked = asked_questions(connection, collection, limit=LOOKED_INTO)
        holding = holding_answers(connection, [one.answer_id for one in asked], reader)
    said = {
        _folded(one.question): one.question for one in reversed(asked) if one.answer_id in holding
    }
    return list(reversed(said.values()))[:limit]


@dataclass(frozen=True, slots=True)
class _Near:
    answer_id: str
    question: str
    vector: NDArray[np.float32]


def _near(asked: Sequence[AskedQuestion], embedding: Sequence[float]) -> list[_Near]:
    """The questions that are near and not the same, closest first."""
    question = np.asarray(embedding, dtype=np.float32)
    asked = [one for one in asked if len(one.embedding) == question.nbytes]
    if not asked:
        return []
    vectors = np.frombuffer(b"".join(one.embedding for one in asked), dtype=np.float32)
    vectors = _normalised(vectors.reshape(len(asked), -1))
    closeness = vectors @ _normalised(question[None])[0]
    return [
        _Near(asked[at].answer_id, asked[at].question, vectors[at])
        for at in np.argsort(-closeness)
        if NEAR <= closeness[at] < SAME
    ]


def _normalised(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    normalised: NDArray[np.float32] = rows / np.maximum(lengths, np.float32(1e-12))
    return normalised


def _folded(question: str) -> str:
    return "".join(char for char in question.casefold() if char.isalnum())
