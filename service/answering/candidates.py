"""Which sentences of the passages might answer the question, by words alone. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from corpus.sentences import sentence_spans
from service.answering.passages import Passage
from service.answering.words import content_words

# A heading or a cell of a table says nothing by itself.
SHORTEST_ANSWER_WORDS = 3
# What the sentence before, or the title, says of the subject counts too, but less: sentences go on
# about "it" and "the company".
NEIGHBOUR_WEIGHT = 0.4
# Worth of the first passage's rank, against 1.0 for a sentence with all words of the question.
RANK_WEIGHT = 0.25


@dataclass(frozen=True, slots=True)
class Candidate:
    """`passage.text[start:end]`, its folded words, and how well it matches the question.

    `lexical` in [0, 1 + RANK_WEIGHT], higher is better.
    """

    passage: Passage
    start: int
    end: int
    words: frozenset[str]
    lexical: float

    @property
    def quote(self) -> str:
        """The verbatim sentence, line breaks included."""
        return self.passage.text[self.start : self.end]

    @property
    def text(self) -> str:
        """The sentence on one line."""
        return " ".join(self.quote.split())


def candidates(question: str, passages: Sequence[Passage], *, limit: int) -> list[Candidate]:
    """At most `limit` sentences of the passages, best first by `lexical`; none twice.

    A word of the question counts the more, the fewer of the passages' sentences have it.
    """
    wanted = frozenset(content_words(question))
    found = _sentences(passages)
    weights = _rarity(wanted, found)
    total = sum(weights.values()) or 1.0
    scored: list[Candidate] = []
    before: frozenset[str] = frozenset()
    before_of: Passage | None = None
    for sentence in found:
        passage = sentence.passage
        if passage is not before_of:
            before, before_of = frozenset(content_words(passage.title)), passage
        own = sum(weights[word] for word in wanted & sentence.words)
        near = sum(weights[word] for word in (wanted & before) - sentence.words)
        score = (own + NEIGHBOUR_WEIGHT * near) / total + RANK_WEIGHT / passage.number
        before = sentence.words
        if len(sentence.quote.split()) >= SHORTEST_ANSWER_WORDS or len(sentence.words) >= 4:
            scored.append(Candidate(passage, sentence.start, sentence.end, sentence.words, score))
    scored.sort(key=lambda candidate: -candidate.lexical)
    return _without_repeats(scored)[:limit]


def _sentences(passages: Sequence[Passage]) -> list[Candidate]:
    return [
        Candidate(passage, start, end, frozenset(content_words(passage.text[start:end])), 0.0)
        for passage in passages
        for start, end in sentence_spans(passage.text)
    ]


def _rarity(wanted: frozenset[str], sentences: Sequence[Candidate]) -> dict[str, float]:
    """Weight of each wanted word: ln(1 + sentences / sentences with it), as in BM25's IDF."""
    having = Counter(word for sentence in sentences for word in wanted & sentence.words)
    return {word: log(1 + len(sentences) / (having[word] or 0.5)) for word in wanted}


def _without_repeats(ranked: Sequence[Candidate]) -> list[Candidate]:
    """The first of sentences with the same words: chunks overlap, and pages repeat themselves."""
    seen: set[str] = set()
    kept: list[Candidate] = []
    for candidate in ranked:
        key = candidate.text.casefold()
        if key not in seen:
            seen.add(key)
            kept.append(candidate)
    return kept
