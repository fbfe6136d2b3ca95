"""What speaks for an answer, and how much of it is enough. Pure."""

from __future__ import annotations

from dataclasses import dataclass

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


def is_enough(evidence: Evidence, threshold: float = ENOUGH) -> bool:
    """Whether sentences may be quoted as an answer."""
    return evidence.strength >= threshold and not evidence.is_of_others


def is_hopeless(evidence: Evidence) -> bool:
    """Whether not even a model should be asked."""
    return evidence.strength < HOPELESS
