"""Which sentences of the passages might answer the question, by words alone. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log

from corpus.text.instructions import gives_instructions
from corpus.text.sentences import sentence_spans
from service.answering.passages import Passage
from service.answering.quoting.fragments import ends_as_statement, is_statement
from service.wording.words import content_words, numbers

# A heading or a cell of a table says nothing by itself.
SHORTEST_ANSWER_WORDS = 3
# What the sentence before, or the title, says of the subject counts too, but less: sentences go on
# about "it" and "the company".
NEIGHBOUR_WEIGHT = 0.4
# Worth of the first passage's rank, against 1.0 for a sentence with all words of the question.
RANK_WEIGHT = 0.25
# Lines that state nothing, such as headings and names, repeat the question's words, and embeddings
# put them close to it. A row of a table does answer: it has a figure, and together with the title
# this share of the question's words. Measured as in sentence_ranking.py, 0.8 moves no figure there;
# at 0.7, or with a share of 0.3, one answer of 632 is no longer shown.
FRAGMENT_WEIGHT = 0.8
ROW_SHARE = 0.4
# What stands beside "ignore all previous instructions" is quoted after all that does not.
INSTRUCTION_WEIGHT = 0.3


@dataclass(frozen=True, slots=True)
class Candidate:
    """`passage.text[start:end]`, its folded words, and how well it matches the question.

    `weight` in (0, 1] is less than 1 for what is likely no answer by itself. `lexical` in
    [0, 1 + RANK_WEIGHT], higher is better, has it in it.
    """

    passage: Passage
    start: int
    end: int
    words: frozenset[str]
    lexical: float = 0.0
    weight: float = 1.0

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

    A word of the question counts the more, the fewer of the passages' sentences have it. Lines that
    only repeat the title, the headings or the question are left out.
    """
    wanted = frozenset(content_words(question))
    found = _sentences(passages)
    weights = _rarity(wanted, found)
    total = sum(weights.values()) or 1.0

    def share(words: frozenset[str]) -> float:
        return sum(weights[word] for word in wanted & words) / total

    commanding = [passage for passage in passages if gives_instructions(passage.text)]
    scored: list[Candidate] = []
    before: frozenset[str] = frozenset()
    context: frozenset[str] = frozenset()
    before_of: Passage | None = None
    for sentence in found:
        passage = sentence.passage
        if passage is not before_of:
            before, before_of = frozenset(content_words(passage.title)), passage
            context = before | frozenset(
                content_words(f"{passage.heading_path}\n{passage.table_header}")
            )
        near = share(before - sentence.words)
        lexical = share(sentence.words) + NEIGHBOUR_WEIGHT * near + RANK_WEIGHT / passage.number
        before = sentence.words
        if _may_answer(sentence, context | wanted):
            is_whole = is_statement(sentence.quote) or (
                share(sentence.words | context) >= ROW_SHARE
                and not numbers(sentence.quote) <= context | wanted
            )
            weight = 1.0 if is_whole else FRAGMENT_WEIGHT
            if passage in commanding:
                weight *= INSTRUCTION_WEIGHT
            scored.append(replace(sentence, lexical=weight * lexical, weight=weight))
    scored.sort(key=lambda candidate: -candidate.lexical)
    return _without_repeats(scored)[:limit]


def _may_answer(sentence: Candidate, known: frozenset[str]) -> bool:
    """Whether it is long enough, and a statement or something that is not `known` without it."""
    if len(sentence.quote.split()) < SHORTEST_ANSWER_WORDS and len(sentence.words) < 4:
        return False
    return ends_as_statement(sentence.quote) or not sentence.words <= known


def _sentences(passages: Sequence[Passage]) -> list[Candidate]:
    return [
        Candidate(passage, start, end, frozenset(content_words(passage.text[start:end])))
        for passage in passages
        for start, end in sentence_spans(passage.text)
    ]


def _rarity(wanted: frozenset[str], sentences: Sequence[Candidate]) -> dict[str, float]:
    """Weight of each wanted word: ln(1 + sentences / sentences with it), as in BM25's IDF.

    The rows of a table have the names of its columns, so that what tells rows apart outweighs them.
    """
    columns = {
        sentence.passage.number: wanted & frozenset(content_words(sentence.passage.table_header))
        for sentence in sentences
    }
    having = Counter(
        word
        for sentence in sentences
        for word in (wanted & sentence.words) | columns[sentence.passage.number]
    )
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
