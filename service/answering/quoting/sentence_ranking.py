"""The passages' sentences in the order in which they answer the question, and which to show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import QueryBundle

from service.answering.passages import Passage
from service.answering.quoting.candidates import Candidate, candidates
from service.wording.rewriting import rewrite

# Measured on 632 questions (XQuAD English, 120 paragraphs): the sentences shown hold the answer for
# 95.0 % at 8 candidates, 94.9 % at 12, 95.1 % at 16, 95.3 % at 32. Each costs one embedding, and
# that is most of the time an answer takes.
MAX_CANDIDATES = 12
MAX_SENTENCES = 3
# At 0.25, 0.5, 0.75 and 1.0 the first sentence holds the answer for 80.7, 82.9, 83.5, 83.7 %.
LEXICAL_WEIGHT = 1.0
# A further sentence is shown only if its score is at least this share of the best one's. At 0.5,
# 0.6, 0.7 the answer is shown for 95.3, 95.1, 94.1 % with 2.6, 2.2, 1.8 sentences on average.
RELATIVE_THRESHOLD = 0.6
# Two sentences that share this much of the shorter one's words say the same.
NEAR_DUPLICATE_SHARE = 0.85
_YEAR = re.compile(r"(?:19|20)\d\d")


@dataclass(frozen=True, slots=True)
class RankedSentence:
    """A candidate with its `closeness` (cosine with the question, in [-1, 1]) and total `score`."""

    candidate: Candidate
    closeness: float
    score: float


def rank_sentences(
    query: QueryBundle, passages: Sequence[Passage], embedding: BaseEmbedding
) -> list[RankedSentence]:
    """At most `MAX_CANDIDATES` sentences, best first; empty when the passages hold none.

    Computes embeddings: call it off the event loop. Errors: EmbeddingUnavailable.
    """
    question = rewrite(query.query_str).plain
    found = candidates(question, passages, limit=MAX_CANDIDATES)
    if not found:
        return []
    if query.embedding is None:
        query.embedding = embedding.get_query_embedding(question)
    vectors = embedding.get_text_embedding_batch([candidate.text for candidate in found])
    closeness = _cosines(query.embedding, vectors)
    ranked = [
        RankedSentence(
            candidate, close, candidate.weight * close + LEXICAL_WEIGHT * candidate.lexical
        )
        for candidate, close in zip(found, closeness, strict=True)
    ]
    return sorted(ranked, key=lambda sentence: -sentence.score)


def choose(ranked: Sequence[RankedSentence]) -> list[RankedSentence]:
    """The best sentence and up to two more that are nearly as good and say something else.

    Of two editions of one document that differ in a figure, the one that came later is first.
    """
    chosen: list[RankedSentence] = []
    for sentence in ranked:
        if len(chosen) == MAX_SENTENCES:
            break
        if chosen and sentence.score < RELATIVE_THRESHOLD * ranked[0].score:
            break
        if not any(_says_the_same(sentence.candidate, other.candidate) for other in chosen):
            older = (i for i, other in enumerate(chosen) if _supersedes(sentence, other))
            chosen.insert(next(older, len(chosen)), sentence)
    return chosen


def _supersedes(one: RankedSentence, other: RankedSentence) -> bool:
    newer, older = one.candidate, other.candidate
    return (
        newer.passage.document_id != older.passage.document_id
        and newer.passage.created_at > older.passage.created_at
        and _edition_of(newer.passage) == _edition_of(older.passage)
        and _years(newer.words) == _years(older.words)
        and _share_words(_without_figures(newer.words), _without_figures(older.words))
    )


def _edition_of(passage: Passage) -> frozenset[str]:
    """The title's words but those with digits: of "Fees 2021" and "Fees v2", "fees"."""
    words = passage.title.casefold().split()
    return frozenset(word for word in words if not any(map(str.isdigit, word)))


def _years(words: frozenset[str]) -> frozenset[str]:
    return frozenset(word for word in words if _YEAR.fullmatch(word))


def _without_figures(words: frozenset[str]) -> frozenset[str]:
    return frozenset(word for word in words if not word[0].isdigit())


def _says_the_same(one: Candidate, other: Candidate) -> bool:
    return _share_words(one.words, other.words)


def _share_words(one: frozenset[str], other: frozenset[str]) -> bool:
    shorter = min(len(one), len(other))
    return shorter > 0 and len(one & other) >= NEAR_DUPLICATE_SHARE * shorter


def _cosines(query: Sequence[float], vectors: Sequence[Sequence[float]]) -> list[float]:
    question = np.asarray(query, dtype=np.float32)
    rows = np.asarray(vectors, dtype=np.float32)
    norms = np.linalg.norm(rows, axis=1) * np.linalg.norm(question)
    cosines: list[float] = (rows @ question / np.maximum(norms, 1e-12)).tolist()
    return cosines
