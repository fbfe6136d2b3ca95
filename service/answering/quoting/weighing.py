"""Whether the passages hold an answer at all, decided before anything is said. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from corpus.index.languages import languages_of
from service.answering.evidence import Evidence
from service.answering.passages import Passage
from service.answering.quoting.sentence_ranking import RankedSentence
from service.answering.quoting.subjects import is_of_others
from service.wording.rewriting import rewrite
from service.wording.words import content_words

# With this share of the question's words in a passage, a cosine of 0.1 is enough not to be
# hopeless, and every sentence that shares words with the question has that.
ENOUGH_WORDS = 0.7
# Names and years of the question are looked for in the best sentence's passage, and in so many of
# the first passages.
_LOOKED_AT = 3


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
