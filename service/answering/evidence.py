"""Whether the passages hold an answer at all, decided before anything is said. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from corpus.index.languages import languages_of
from service.answering.passages import Passage
from service.answering.sentence_ranking import RankedSentence
from service.answering.subjects import is_of_others
from service.answering.words import content_words
from service.retrieval.rewriting import rewrite

# An English embedding tells less of texts in other languages than their words do; the constant
# makes one threshold fit both.
_WEIGHTS = (1.0, 0.5, 0.0)
_FOREIGN_WEIGHTS = (0.5, 1.0, 0.05)

# Chosen by `python -m bench.quality.threshold --every 3`: each question asked with its document
# present and left out, 8 passages retrieved.
#                    refused though present   answered though absent
#   threshold        0.55   0.60   0.65       0.55   0.60   0.65
#   wiki/en          0.024  0.033  0.033      0.090  0.047  0.028
#   wiki/de          0.081  0.104  0.133      0.161  0.104  0.047
#   wiki/zh          0.057  0.076  0.109      0.227  0.123  0.047
#   19 filings       0.062  0.062  0.188      0.000  0.000  0.000
ENOUGH = 0.60
# A model that reads the passages judges better than this sum: it is spared only the clear cases.
HOPELESS = 0.45
# With this share of the question's words in a passage, a cosine of 0.1 is enough not to be
# hopeless, and every sentence that shares words with the question has that.
ENOUGH_WORDS = 0.7
# Names and years of the question are looked for in the best sentence's passage, and in so many of
# the first passages.
_LOOKED_AT = 3


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for an answer.

    `closeness` is the cosine of the best sentence with the question, in [-1, 1]; `coverage` in
    [0, 1] is the share of the question's content words in that sentence's passage, title and
    headings included. Higher is better for both. `is_of_others`: no passage has a name, or a year,
    that the question asks about. `is_foreign`: the embedding was not made for its language.
    """

    closeness: float
    coverage: float
    is_of_others: bool = False
    is_foreign: bool = False

    @property
    def strength(self) -> float:
        """Closeness and coverage in one number, in [-1, 1.6]."""
        closeness, coverage, constant = _FOREIGN_WEIGHTS if self.is_foreign else _WEIGHTS
        return closeness * self.closeness + coverage * self.coverage + constant


def weigh(
    question: str,
    passages: Sequence[Passage],
    ranked: Sequence[RankedSentence],
    embedded_languages: frozenset[str] | None,
) -> Evidence:
    """The evidence of passages and their ranked sentences, best first; none for no sentence.

    `embedded_languages` are those that the embedding was made for (None: perhaps any). Takes
    milliseconds: call it off the event loop.
    """
    if not ranked:
        return Evidence(closeness=0.0, coverage=0.0, is_of_others=True)
    best = ranked[0]
    return Evidence(
        closeness=best.closeness,
        coverage=_coverage(question, best.candidate.passage),
        is_of_others=is_of_others(question, [best.candidate.passage, *passages[:_LOOKED_AT]]),
        is_foreign=embedded_languages is not None
        and embedded_languages.isdisjoint(languages_of(question)),
    )


def is_enough(evidence: Evidence, threshold: float = ENOUGH) -> bool:
    """Whether sentences may be quoted as an answer."""
    return evidence.strength >= threshold and not evidence.is_of_others


def has_words_enough(question: str, passages: Sequence[Passage]) -> bool:
    """Whether a question is not hopeless by the words of the first passages alone.

    It spares ranking their sentences. Takes a millisecond: call it off the event loop.
    """
    return any(_coverage(question, one) >= ENOUGH_WORDS for one in passages[:_LOOKED_AT])


def _coverage(question: str, passage: Passage) -> float:
    """The share of the question's content words in the passage, in [0, 1]."""
    wanted = set(content_words(rewrite(question).plain))
    there = set(content_words(passage.context))
    return len(wanted & there) / len(wanted) if wanted else 0.0


def is_hopeless(evidence: Evidence) -> bool:
    """Whether not even a model should be asked."""
    return evidence.strength < HOPELESS
