"""Whether the passages hold an answer at all, decided before anything is said. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.answering.ranking import RankedSentence
from service.answering.words import content_words

COVERAGE_WEIGHT = 0.5

# Measured on 632 questions about 24 encyclopedia articles in one collection (XQuAD English), each
# asked with its article present and with it left out, 8 passages retrieved:
#   threshold   refused though present   answered though absent
#     0.50              0.3 %                   16.9 %
#     0.60              1.6 %                    6.5 %
#     0.65              2.4 %                    3.2 %
#     0.75              5.5 %                    1.0 %
# Analysts' questions about company filings are told less clearly: 14 of 14 answerable ones reach
# 0.65 (the lowest 0.67), and so do 10 of 14 with their filing replaced by another company's.
ENOUGH = 0.65
# A model that reads the passages judges better than this sum: it is spared only the clear cases.
HOPELESS = 0.50


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for an answer.

    `closeness` is the cosine of the best sentence with the question, in [-1, 1]; `coverage` in
    [0, 1] is the share of the question's content words in that sentence's passage, title and
    headings included. Higher is better for both.
    """

    closeness: float
    coverage: float

    @property
    def strength(self) -> float:
        """Both in one number, in [-1, 1 + COVERAGE_WEIGHT]."""
        return self.closeness + COVERAGE_WEIGHT * self.coverage


def weigh(question: str, ranked: Sequence[RankedSentence]) -> Evidence:
    """The evidence of ranked sentences, best first; all zero for none."""
    if not ranked:
        return Evidence(closeness=0.0, coverage=0.0)
    best = ranked[0]
    wanted = set(content_words(question))
    there = set(content_words(best.candidate.passage.context))
    coverage = len(wanted & there) / len(wanted) if wanted else 0.0
    return Evidence(closeness=best.closeness, coverage=coverage)


def is_enough(evidence: Evidence) -> bool:
    """Whether sentences may be quoted as an answer."""
    return evidence.strength >= ENOUGH


def is_hopeless(evidence: Evidence) -> bool:
    """Whether not even a model should be asked."""
    return evidence.strength < HOPELESS
