"""Questions to go on with: those that were answered here before and are close to this one.

A question is suggested while every document its answer may stand on is there, unchanged since: then
the answer holds, and whoever may read the documents may see the question.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from corpus.registry.engine import Registry
from corpus.registry.turns import answerable_questions

MAX_RELATED = 3
# The last ones that were asked: their embeddings are 1.5 kB each.
LOOKED_AT = 300
# Closer than this, it is the same question in other words; further away, another subject.
SAME = 0.93
NEAR = 0.45


def related_questions(
    registry: Registry, collection: str, embedding: Sequence[float], known: Sequence[str]
) -> list[str]:
    """At most `MAX_RELATED` questions, closest first, none that says what `known` ones do.

    `embedding` is the question's, `known` are it and those before it. Blocks: call it in a thread.
    """
    with registry.read() as connection:
        asked = answerable_questions(connection, collection, limit=LOOKED_AT)
    question = np.asarray(embedding, dtype=np.float32)
    asked = [one for one in asked if len(one.embedding) == question.nbytes]
    if not asked:
        return []
    vectors = np.frombuffer(b"".join(one.embedding for one in asked), dtype=np.float32)
    vectors = _normalised(vectors.reshape(len(asked), -1))
    closeness = vectors @ _normalised(question[None])[0]
    said = {_folded(one) for one in known}
    chosen: list[int] = []
    for at in np.argsort(-closeness):
        if len(chosen) == MAX_RELATED or closeness[at] < NEAR:
            break
        is_said = closeness[at] >= SAME or _folded(asked[at].question) in said
        if not is_said and all(vectors[at] @ vectors[other] < SAME for other in chosen):
            chosen.append(int(at))
    return [asked[at].question for at in chosen]


def _normalised(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    normalised: NDArray[np.float32] = rows / np.maximum(lengths, np.float32(1e-12))
    return normalised


def _folded(question: str) -> str:
    return "".join(char for char in question.casefold() if char.isalnum())
